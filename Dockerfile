# The main job, on CPUs:
#   docker build --tag loss-search .
#   docker run --rm --volume loss-search:/data loss-search run --searcher gp
# /data holds results, MLflow's database, fetched data and compiled code. Any user may run it (docker run --user).
# torch is what constraints.txt says, as the package index has it for this platform; where that is a build for GPUs and you want a
# smaller one, give its place: --build-arg PIP_EXTRA_INDEX_URL=...

FROM python:3.12-slim AS wheel
WORKDIR /build
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.12-slim
ARG PIP_EXTRA_INDEX_URL
COPY constraints.txt /tmp/
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --constraint /tmp/constraints.txt "$(echo /wheel/loss_search-*.whl)[all]"
RUN useradd --create-home --uid 1000 searcher && mkdir --mode 1777 /data
ENV LOSS_SEARCH_CACHE=/data/cache \
    MPLCONFIGDIR=/data/cache/matplotlib \
    NUMBA_CACHE_DIR=/data/cache/numba \
    PYTHONUNBUFFERED=1
VOLUME /data
WORKDIR /data
USER searcher
ENTRYPOINT ["loss-search"]
CMD ["--help"]
