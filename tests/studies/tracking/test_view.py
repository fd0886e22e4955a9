import base64
import json
import zlib

from studies.tracking.tracker import save_view, view_address


class Tags(dict):
    def set_experiment_tag(self, experiment_id, name, value):
        self[experiment_id, name] = value


def test_a_view_is_a_tag_of_the_experiment_with_a_compressed_state():
    tags = Tags()
    save_view(tags, "7", "mine", "My view", ["final_test_auc", "trained"])
    ((key, text),) = tags.items()
    assert key == ("7", "mlflow.sharedViewState.mine")
    view = json.loads(text)
    assert view["name"] == "My view"
    kind, packed = view["state"].split(";")
    assert kind == "deflate"
    state = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert state["selectedColumns"] == ["metrics.`final_test_auc`", "metrics.`trained`"]
    assert view_address("7", "mine") == "/#/experiments/7/runs?viewStateShareKey=mine"
