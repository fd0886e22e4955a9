"""Reading a page as a browser would, as far as tests need it."""

from html.parser import HTMLParser

HOSTILE = "<script>alert('x')</script>\"onload=\"y"
VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}


class Reader(HTMLParser):
    """Collects tags, addresses and text, and checks that every tag is closed."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.addresses, self.attributes, self.text, self.open = set(), [], set(), "", []
        self.headings, self.ids, self.rows = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)
