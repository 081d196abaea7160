"""Whatever happens to the decoding process, the caller gets an answer and the next call works."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import psutil
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from vidlab.video import Video, VideoError, _client


def pid_of(video: Video) -> int:
    len(video)
    return _client._idle[-1].process.pid


def gone(pid: int, within: float = 60.0) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_one_process_for_all_files(clip):
    videos = [Video(clip(name)) for name in ("h264.mp4", "vp9.webm", "varying.mp4")]
    assert len({pid_of(video) for video in videos}) == 1
    assert pid_of(videos[0]) != os.getpid()


def test_where_files_in_memory_are_forbidden_one_on_disk_serves(clip, monkeypatch):
    wanted = Video(clip("h264.mp4")).frames([0, 5])
    _client.end_idle(keep=0)

    def forbidden(name):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", forbidden)
    assert torch.equal(Video(clip("h264.mp4")).frames([0, 5]), wanted)


def test_the_process_is_without_torch():
    code = "import sys, vidlab.video._worker as w; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_package_gives_every_name_it_lists():
    code = (
        "import vidlab.video as v, sys; assert 'torch' not in sys.modules\n"
        "from vidlab.video import *\n"
        "assert all(callable(getattr(v, name)) and callable(globals()[name]) for name in v.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_killed_between_calls(clip, tools):
    video = Video(clip("h264.mp4"))
    before = pid_of(video)
    os.kill(before, signal.SIGKILL)
    _client._idle[-1].process.wait(60)
    assert tools.number(video.frames([7])[0]) == 7
    assert pid_of(video) != before


def test_killed_in_a_call(clip, tools):
    video = Video(clip("h264.mp4"), timeout=300)
    pid = pid_of(video)
    os.kill(pid, signal.SIGSTOP)  # so that the call is under way when the process dies
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    began = time.monotonic()
    with pytest.raises(VideoError, match=r"h264.mp4: the decoding process was ended by SIGKILL"):
        video.frames([3])
    assert time.monotonic() - began < 100  # not the time-out, which is 300 s
    assert tools.number(video.frames([3])[0]) == 3


def test_silence_ends_in_time(clip, tools):
    video = Video(clip("h264.mp4"), timeout=3.0)  # enough to start a new process on busy cores
    pid = pid_of(video)
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(VideoError, match=r"h264.mp4: decoding made no progress for 3 s"):
        video.frames([3])
    assert 2.9 < time.monotonic() - began < 60
    assert gone(pid)
    assert tools.number(video.frames([3])[0]) == 3


def test_interrupted_by_the_keyboard(clip, tools):
    video = Video(clip("h264.mp4"), timeout=300)
    pid = pid_of(video)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        video.frames([3])
    assert gone(pid)  # else its late answer would be taken for the next one's
    assert tools.number(video.frames([5])[0]) == 5


def test_a_native_hang_ends_without_a_client(clip):
    """The kernel's timer ends a process that hangs in native code, holding Python's lock."""
    code = (
        "import os, sys, vidlab.video._worker as w\n"
        "w.GRACE = 0.2\n"
        "w._Server.probe = lambda self, request: sum(range(10**12))\n"
        "sys.argv = ['w', '0']\n"
        "w.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert b"ready" in process.stdout.readline()
    process.stdin.write(b'{"do": "probe", "path": "x", "timeout": 0.3}\n')
    process.stdin.close()  # the client is gone
    assert process.wait(10) == -signal.SIGALRM
    process.stdout.close()


def test_frames_are_the_callers_own(clip):
    """Nothing that happens to the decoding process, or in a forked child, changes them."""
    video = Video(clip("h264.mp4"))
    frames = video.frames(range(8))
    kept = frames.clone()
    video.frames(range(20, 40))
    assert torch.equal(frames, kept)
    if (child := os.fork()) == 0:
        frames.numpy()[:] = 0
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert torch.equal(frames, kept)
    os.kill(pid_of(video), signal.SIGKILL)
    video.close()
    del video
    assert torch.equal(frames, kept)
    assert torch.equal(pickle.loads(pickle.dumps(frames)), kept)
    frames += 1
    assert torch.equal(frames, kept + 1)
    assert frames.permute(0, 2, 3, 1).is_contiguous()


def test_many_reads_leave_nothing_behind(clip):
    video = Video(clip("h264.mp4"))  # a clip of 40 frames is 0.46 MB
    processes = [psutil.Process(), psutil.Process(pid_of(video))]
    marks = []
    for _ in range(2):
        for _ in range(150):
            video.frames(range(40))
        marks.append([(p.num_fds(), p.memory_info().rss) for p in processes])
    for (files, memory), (files_then, memory_then) in zip(*marks, strict=True):
        assert files_then == files
        assert memory_then - memory < 20e6  # 69 MB if each clip stayed


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults as Linux does")
def test_large_frames_need_no_fresh_memory(tools, tmp_path):
    """Fresh pages, 18,000 for these frames, would take longer than copying."""
    pytest.importorskip("decord")
    size, options = (1080, 1920), {"preset": "ultrafast"}
    video = Video(tools.write_clip(tmp_path / "hd.mp4", frames=12, size=size, options=options))
    assert video.info.backend == "decord"
    pid = pid_of(video)

    def faults() -> int:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rsplit(")", 1)[1].split()[7])

    marks = [faults()]
    for _ in range(6):
        video.frames(range(12))
        marks.append(faults())
    assert min(b - a for a, b in pairwise(marks)) < 3000


@pytest.mark.parametrize("end", ["pass", "os._exit(3)", "os.kill(os.getpid(), 9)", "1 / 0"])
def test_no_orphan(clip, end):
    code = (
        "import os; from vidlab.video import Video, _client\n"
        f"video = Video({str(clip('h264.mp4'))!r}); len(video)\n"
        "print(_client._idle[-1].process.pid, flush=True)\n" + end
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert gone(int(done.stdout))


class Clips(Dataset):
    """Clips of 4 frames of one video; each item says which process decoded it."""

    def __init__(self, video: Video) -> None:
        self.video = video

    def __len__(self) -> int:
        return 12

    def __getitem__(self, k: int) -> tuple[torch.Tensor, int]:
        frames = self.video.frames(range(k, k + 4))
        return frames, _client._idle[-1].process.pid


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_data_loader(clip, context, monkeypatch):
    if context == "spawn":  # spawned workers import this file by its name
        monkeypatch.syspath_prepend(os.path.dirname(__file__))
        monkeypatch.setitem(sys.modules, "test_worker", sys.modules[__name__])
        monkeypatch.setattr(Clips, "__module__", "test_worker")
    video = Video(clip("bframes.mp4"))
    wanted = video.frames(range(16))
    mine = pid_of(video)
    loader = DataLoader(Clips(video), batch_size=3, num_workers=2, multiprocessing_context=context)
    pids = set()
    for start, (frames, pid) in zip(range(0, 12, 3), loader, strict=True):
        for row in range(3):
            assert torch.equal(frames[row], wanted[start + row : start + row + 4])
        pids |= set(pid.tolist())
    assert len(pids) == 2
    assert mine not in pids
    assert all(gone(pid) for pid in pids)  # they end with the loader's workers
    assert pid_of(video) == mine  # and ours has not been touched
    assert torch.equal(video.frames(range(16)), wanted)


def test_an_error_crosses_processes(clip):
    class_of = DataLoader(_Broken(clip("h264.mp4")), num_workers=1, multiprocessing_context="fork")
    with pytest.raises(VideoError, match="there is no frame 99"):
        next(iter(class_of))


class _Broken(Clips):
    def __init__(self, path) -> None:
        super().__init__(Video(path))

    def __getitem__(self, k: int):
        return self.video.frames([99])


def test_threads_decode_at_once(clip):
    """As many processes as threads that wait, and no more than allowed; the spare ones can go."""
    _client.end_idle(keep=0)
    assert not _client._all
    requests = [_client.Request("x") for _ in range(_client.PROCESSES)]
    pids = {request.__enter__().process.pid for request in requests}
    assert len(pids) == _client.PROCESSES
    assert not _client._slots.acquire(blocking=False)  # one more would have to wait
    for request in requests:
        request.__exit__(None, None, None)
    _client.end_idle()
    assert sum(gone(pid, within=0.5) for pid in pids) == _client.PROCESSES - 1
    assert pid_of(Video(clip("h264.mp4"))) in pids


def test_threads_get_their_own_answers(clip, tools):
    videos = [Video(clip("h264.mp4"), size=(48, 80)), Video(clip("varying.mp4"))]
    wrong = []

    def work(offset: int) -> None:
        for k in range(15):
            number = (7 * k + offset) % 40
            if tools.number(videos[offset % 2].frames([number])[0]) != number:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_users_file_named_like_a_library_is_not_run(clip, tmp_path):
    (tmp_path / "av.py").write_text("open('taken', 'w')")
    (tmp_path / "random.py").write_text("open('taken', 'w')")
    code = f"from vidlab.video import probe; print(probe({str(clip('h264.mp4'))!r}).frames)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "40", done.stderr
    assert not (tmp_path / "taken").exists()


def test_a_forked_child_does_not_keep_its_parents_process(clip):
    code = (
        "import os, time; from vidlab.video import Video, _client\n"
        f"video = Video({str(clip('h264.mp4'))!r}); len(video)\n"
        "print(_client._idle[-1].process.pid, flush=True)\n"
        "if os.fork(): os._exit(0)\n"
        "os.close(1); os.close(2); time.sleep(20)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert gone(int(done.stdout), within=5)
