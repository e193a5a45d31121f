"""A Dockerfile read, found fault with, and followed without an engine.

Following means: each step of each stage is done for real in a folder that stands for the root of the file system, as a user who
owns nothing else, with the Python of this machine in place of the base image's. The absolute paths that the file names
(/app, /run/secrets) become paths below that folder. What apt would install has to be on this machine already.
"""

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

PLACES = re.compile(r"(?<![\w./-])/(app|run/secrets)(?![\w-])")
COMPILERS = re.compile(r"\b(g\+\+|gcc|clang|cmake|make|build-essential|python3?-dev)(?![\w-])")
BUILDER, RUNNER = 10002, 10001  # whoever builds stands for root; the runner owns nothing but its temporary folder
TAGGED = re.compile(r"[\w./-]+:(?!latest\b)[\w.-]+(@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True)
class Step:
    """One instruction."""

    word: str
    rest: str


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def last(self, word: str) -> str | None:
        """The instruction that counts, of those that are given once."""
        return next((step.rest for step in reversed(self.steps) if step.word == word), None)


def read(text: str) -> list[Stage]:
    """The stages of a Dockerfile, comments gone and continued lines joined."""
    stages: list[Stage] = []
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base.strip(), name.strip() or str(len(stages))))
        elif word:
            stages[-1].steps.append(Step(word.upper(), rest.strip()))
    return stages


def faults(stages: list[Stage]) -> list[str]:
    """What nobody should put before the public: each as a sentence."""
    last, found = stages[-1], []
    names = {stage.name for stage in stages}
    for stage in stages:
        if stage.base not in names and not TAGGED.fullmatch(stage.base):
            found.append(f"{stage.base} has no fixed version")
        found += [f"ADD {step.rest} may fetch anything: use COPY" for step in stage.steps if step.word == "ADD"]
        for step in stage.steps:
            if step.word in ("ENV", "ARG") and re.search(r"(KEY|TOKEN|PASSWORD|SECRET)=", step.rest):
                found.append(f"{step.word} {step.rest} holds a secret")
    user = (last.last("USER") or "0").partition(":")[0]
    if not user.isdigit() or int(user) < 1000:
        found.append(f"the server would run as {user}: a number from 1000 on is wanted, which a cluster can check")
    steps = [step for step in last.steps if step.word in ("RUN", "COPY")]
    found += [f"a compiler in the last stage: {step.rest}" for step in steps if COMPILERS.search(step.rest)]
    if len(stages) < 2:
        found.append("there is one stage only, so whatever builds also runs")
    for word in ("HEALTHCHECK", "CMD"):
        told = last.last(word)
        if told is None or "[" not in told:
            found.append(f"{word} is missing, or a shell stands between it and the program")
    return found


class Yard:
    """A folder in which the stages of one Dockerfile are built and its command is run."""

    def __init__(self, context: Path, into: Path, arguments: dict[str, str], port: int):
        self.context, self.into, self.arguments, self.port = context, into, arguments, port
        self.stages = read((context / "Dockerfile").read_text())
        into.mkdir()
        into.chmod(0o755)
        self.root, self.made = into / "root", {}
        self.as_root = os.getuid() == 0
        self.environment: dict[str, str] = {}
        self.folder = self.root
        self.user = BUILDER
        self.python = reachable_python(into) if self.as_root else Path(sys.executable).resolve()
        self.temporary = into / "tmp"

    def build(self) -> None:
        """Every stage; `root` is then what the last one left."""
        for stage in self.stages:
            self._begin(stage)
            for step in stage.steps:
                print(f"{stage.name}: {step.word} {step.rest}", flush=True)
                getattr(self, f"_{step.word.lower()}", lambda rest: None)(step.rest)
            if stage is not self.stages[-1]:
                self.made[stage.name] = self.into / f"stage-{stage.name}"
                self.root.rename(self.made[stage.name])
        if not self.as_root:
            for path in [self.root, *self.root.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & ~0o222)

    def start(self, secret: str, said: Path) -> subprocess.Popen:
        """The command of the last stage, with a key among its secrets."""
        place = self.into / "secrets"
        place.mkdir()
        (place / "groundup_key").write_text(secret + "\n")
        (place / "groundup_key").chmod(0o444)
        place.chmod(0o755)
        command = json.loads(self.stages[-1].last("CMD") or "[]")
        with open(said, "w") as out:
            return subprocess.Popen(self._here(command), **self._ways(), stdout=out, stderr=out)

    def healthy(self) -> bool:
        """What an engine would find by the HEALTHCHECK."""
        told = self.stages[-1].last("HEALTHCHECK") or ""
        return (
            subprocess.run(
                self._here(json.loads(told[told.index("[") :])), **self._ways(), capture_output=True
            ).returncode
            == 0
        )

    def files(self) -> dict[str, tuple[int, int]]:
        """Size and time of everything below the root."""
        told = {path: path.lstat() for path in self.root.rglob("*") if not path.is_dir()}
        return {str(path): (each.st_size, each.st_mtime_ns) for path, each in told.items()}

    def remove(self) -> None:
        """Everything, what only may be read too."""
        for path in self.into.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IRWXU)
        shutil.rmtree(self.into)

    # --- instructions -------------------------------------------------------------------------------------------------

    def _begin(self, stage: Stage) -> None:
        for folder in (self.root, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o755)
        self.user, self.folder = BUILDER, self.root
        base = self.into / "base-bin"
        base.mkdir(exist_ok=True)
        for name in ("python", "python3"):
            (base / name).unlink(missing_ok=True)
            (base / name).symlink_to(self.python)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "SSL_", "REQUESTS_")) or "PROXY" in name.upper()
        }
        self.environment = {
            **kept,
            "PATH": f"{base}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.temporary),
            "LANG": "C.UTF-8",
        }
        self._own(self.root, self.temporary)

    def _arg(self, rest: str) -> None:
        name, _, usual = rest.partition("=")
        self.environment[name] = self.arguments.get(name, usual)

    def _env(self, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            value = self._placed(value)
            self.environment[name] = re.sub(r"\$(\w+)", lambda found: self.environment.get(found[1], ""), value)

    def _workdir(self, rest: str) -> None:
        self.folder = Path(self._placed(rest))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._own(self.folder)

    def _user(self, rest: str) -> None:
        user, _, group = rest.partition(":")
        assert user == group == str(RUNNER), f"expected USER {RUNNER}:{RUNNER}, found {rest}"
        for path in [self.root, *self.root.rglob("*")] if self.as_root else ():
            os.chown(path, 0, 0, follow_symlinks=False)  # in an image all of it is root's
        self.user = RUNNER
        self._own(self.temporary)

    def _copy(self, rest: str) -> None:
        words = shlex.split(rest)
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
        *sources, into = words
        for source in sources:
            if stage:
                assert source == into, f"COPY {rest}: a folder keeps its place"
                found = self.made[stage] / Path(self._placed(source)).relative_to(self.root)
            else:
                assert not self._left_out(source), f"COPY {source}: .dockerignore leaves it out"
                found = self.context / source
            place = Path(self._placed(into)) if into.startswith("/") else self.folder / source
            if found.is_dir():
                shutil.copytree(found, place, symlinks=True)
            else:
                shutil.copy2(found, place)
            self._own(place, *(place.rglob("*") if place.is_dir() else ()))

    def _left_out(self, source: str) -> bool:
        lines = [line for line in (self.context / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
        assert lines[0] == "*" and all(line.startswith("!") for line in lines[1:]), (
            "an ignore file that lists what goes in"
        )
        return f"!{source.split('/')[0]}" not in lines

    def _run(self, rest: str) -> None:
        commands = []
        for part in rest.split(" && "):
            if not part.startswith(("apt-get", "rm -rf /var/lib/apt")):
                commands.append(part)
            elif "install" in part:
                wanted = [word for word in shlex.split(part)[2:] if not word.startswith("-")]
                assert all(map(shutil.which, wanted)), (
                    f"this machine lacks {', '.join(wanted)}, which the build stage installs"
                )
        if commands:
            command = ["/bin/sh", "-ec", self._placed(" && ".join(commands))]
            done = subprocess.run(command, **self._ways(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert done.returncode == 0, f"RUN {rest} ended with {done.returncode}:\n{done.stdout[-3000:]}"

    # --- how --------------------------------------------------------------------------------------------------------

    def _placed(self, text: str) -> str:
        """The same with the paths that it names below our root, secrets beside it, and another port."""
        secrets = str(self.into / "secrets")
        text = PLACES.sub(lambda found: f"{self.root}/app" if found[1] == "app" else secrets, text)
        return re.sub(r"\b8000\b", str(self.port), text)

    def _here(self, command: list[str]) -> list[str]:
        """A command's words; the program is found on the path of the container."""
        words = [self._placed(word) for word in command]
        return [shutil.which(words[0], path=self.environment["PATH"]) or words[0], *words[1:]]

    def _ways(self) -> dict:
        """For a process: whose it is, where it is, and all that it can know."""
        environment = {**self.environment, "HOME": str(self.temporary), "TMPDIR": str(self.temporary)}
        ways: dict = {"cwd": self.folder, "env": environment, "stdin": subprocess.DEVNULL}
        return ways | (
            {"user": self.user, "group": self.user, "extra_groups": [], "umask": 0o022} if self.as_root else {}
        )

    def _own(self, *paths: Path) -> None:
        for path in paths if self.as_root else ():
            os.chown(path, self.user, self.user, follow_symlinks=False)


def reachable_python(into: Path) -> Path:
    """A Python that every user can run: this one, or a copy of it where its folder is closed to others."""
    home, program = Path(sys.base_prefix), Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in [home, *home.parents]):
        return program
    place = into / "python"
    unneeded = shutil.ignore_patterns(
        "site-packages", "test", "idlelib", "__pycache__", "*.a", "share", "include", "tkinter"
    )
    shutil.copytree(home, place, symlinks=True, ignore=unneeded)
    return place / program.relative_to(home)
