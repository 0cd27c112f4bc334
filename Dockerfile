# Vigie in a container: `docker build -t vigie .`, or see deploy/compose.yaml.
# The image holds code and content only. Data and keys are two volumes, so that copying one never
# takes the other; the root file system can be read-only.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /opt/vigie
RUN python -m venv .venv
# The lock comes first: a change of code alone installs nothing again.
COPY deploy/requirements deploy/requirements
RUN .venv/bin/pip install --require-hashes \
    -r deploy/requirements/build.txt -r deploy/requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY handlers handlers
COPY rules rules
COPY templates_sms templates_sms
# Byte code is made here because nothing can be written later; what installs packages stays behind.
RUN .venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && .venv/bin/python -m compileall -q service handlers \
    && .venv/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim
ENV PATH=/opt/vigie/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VIGIE_DATA_DIR=/var/lib/vigie \
    VIGIE_KEY_FILE=/var/lib/vigie-keys/root.key \
    VIGIE_HOST=0.0.0.0 \
    VIGIE_PORT=8080 \
    VIGIE_LOG_FORMAT=json
# A fixed number, so that volumes and secret files can be given to it from outside.
RUN groupadd --system --gid 10001 vigie \
    && useradd --system --uid 10001 --gid vigie --no-create-home --shell /usr/sbin/nologin vigie \
    && install --directory --owner vigie --group vigie --mode 0700 \
        /var/lib/vigie /var/lib/vigie-keys
COPY --from=build /opt/vigie /opt/vigie
WORKDIR /opt/vigie
USER 10001:10001
VOLUME ["/var/lib/vigie", "/var/lib/vigie-keys"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['VIGIE_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["vigie"]
CMD ["serve"]
