# vidlab in a container: JupyterLab on the labs, or any `vidlab` command.
#
#   docker build -t vidlab .
#   docker run --rm vidlab vidlab doctor
#   docker run --rm -p 127.0.0.1:8888:8888 vidlab            # JupyterLab; the token is in the log
#   docker run --rm --gpus all vidlab vidlab run radialctc --profile full --device cuda
#
# Results that outlive the container, in a folder that belongs to you:
#
#   mkdir -p runs
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/runs:/home/vidlab/work/runs" \
#       vidlab vidlab run tour
#
# The package index's PyTorch carries CUDA and runs on machines without a GPU, too. For a smaller
# image give the index of PyTorch's CPU builds, for a GPU with an older driver the index of an older
# CUDA (PyTorch's installation page names them); the version stays that of constraints.txt:
#
#   docker build --build-arg TORCH_INDEX=... -t vidlab:cpu .

# The Python that constraints.txt was made with: on another, a few packages more are not pinned.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

# Home and work are open to every user number (`docker run --user`): whoever owns the folder that
# is mounted can also work here.
RUN useradd --create-home --uid 1000 vidlab \
    && install -d -m 777 -o vidlab -g vidlab /home/vidlab /home/vidlab/work /home/vidlab/work/runs
WORKDIR /home/vidlab/work

# PyTorch's indexes hold few versions of other packages, so those come in the next step. It leaves
# torch alone: 2.13.0+cpu is a 2.13.0.
ARG TORCH_INDEX=""
COPY constraints.txt ./
RUN if [ -n "${TORCH_INDEX}" ]; then \
        pip install --no-deps --constraint constraints.txt --index-url "${TORCH_INDEX}" torch; \
    fi

# The packages before the code: a change of code does not install gigabytes again. An editable
# install only notes where the code will lie, so empty folders do.
COPY pyproject.toml LICENSE ./
RUN mkdir vidlab notebooks book data && touch README.md vidlab/__init__.py \
    && pip install --constraint constraints.txt --editable ".[video,fast,text,book,batch,cluster]" \
    && rm -r vidlab notebooks book data README.md

COPY --chown=1000:1000 README.md ./
COPY --chown=1000:1000 vidlab vidlab
COPY --chown=1000:1000 notebooks notebooks
COPY --chown=1000:1000 book book
COPY --chown=1000:1000 data data

# A number without a name in the image has no home of its own.
ENV HOME=/home/vidlab \
    USER=vidlab
USER 1000
EXPOSE 8888
# Within a container the outside is another address; the token stays, and `-p 127.0.0.1:...` keeps
# others out.
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "notebooks"]
