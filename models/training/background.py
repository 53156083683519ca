"""Owns living beside other work: lowest priority, a pid file to stop and continue by, one run a work directory."""

import fcntl
import os
import shutil
import subprocess


def yield_to_others():
    """The lowest share of processor and disk for this process and those it starts.

    Where the kernel groups processes by session, a nice value counts only inside the group, so the group is turned
    down as well if it is this process's own (`setsid`); never that of a shell in which others work.
    """
    os.nice(19 - os.nice(0))
    if os.getsid(0) == os.getpid():
        _turn_down_the_session()
    if shutil.which("ionice"):
        subprocess.run(["ionice", "-c3", "-p", str(os.getpid())], check=False)


def _turn_down_the_session():
    try:
        with open("/proc/self/autogroup", "w") as file:
            file.write("19")
    except OSError:
        pass  # no such grouping here


class OnlyOne:
    """Holds the work directory for this process, from construction to its end, and tells its pid in `run.pid`."""

    def __init__(self, work):
        self.lock = open(os.path.join(work, "run.lock"), "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock.close()
            raise SystemExit(f"another run works in {work}; its pid is in run.pid") from None
        self.pid = os.path.join(work, "run.pid")
        with open(self.pid, "w") as file:
            file.write(f"{os.getpid()}\n")

    def release(self):
        """Gives the directory back at an orderly end; at any other end the lock goes with the process."""
        os.remove(self.pid)
        self.lock.close()
