# vidlab in a container: JupyterLab on the labs, or any `vidlab` command.
#
#   docker build -t vidlab .
#   docker run --rm vidlab vidlab doctor
#   docker run --rm -v "$PWD/runs:/home/vidlab/work/runs" vidlab vidlab run tour
#   docker run --rm -p 127.0.0.1:8888:8888 vidlab            # JupyterLab; the token is in the log
#   docker run --rm --gpus all vidlab vidlab run radialctc --profile full --device cuda
#
# The package index's PyTorch carries CUDA and runs on machines without a GPU, too. For a smaller
# image give the index of PyTorch's CPU builds (PyTorch's installation page names it):
#
#   docker build --build-arg TORCH_INDEX=... -t vidlab:cpu .

ARG PYTHON=3.12
FROM python:${PYTHON}-slim-bookworm

ARG TORCH_INDEX=""
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home --uid 1000 vidlab && install -d -o vidlab -g vidlab /home/vidlab/work
WORKDIR /home/vidlab/work

# What changes rarely comes first: a change of code does not install everything again.
COPY --chown=vidlab:vidlab constraints.txt ./
RUN if [ -n "${TORCH_INDEX}" ]; then \
        pip install --constraint constraints.txt --index-url "${TORCH_INDEX}" torch; \
    fi
COPY --chown=vidlab:vidlab pyproject.toml README.md LICENSE ./
COPY --chown=vidlab:vidlab vidlab vidlab
COPY --chown=vidlab:vidlab notebooks notebooks
COPY --chown=vidlab:vidlab book book
COPY --chown=vidlab:vidlab data data
RUN pip install --constraint constraints.txt --editable ".[video,fast,text,book,batch,cluster]"

USER vidlab
EXPOSE 8888
# Within a container the outside is another address; the token stays, and `-p 127.0.0.1:...` keeps
# others out.
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "notebooks"]
