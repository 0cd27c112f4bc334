"""What operators install from: the Makefile, the image, the Compose file, the systemd unit."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"


def read(path: str) -> str:
    return (PROJECT / path).read_text(encoding="utf-8")


# --- Makefile and its scripts


@pytest.mark.parametrize("target", ["help", "install", "run", "test", "check", "bench", "lock"])
def test_the_makefile_has_its_targets(target: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_make_alone_lists_the_targets() -> None:
    done = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert {"make install", "make run", "make test", "make bench"} <= set(
        re.findall(r"make [a-z]+", done.stdout)
    )


def test_ci_runs_what_make_test_runs() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text()


@pytest.fixture
def empty_path(tmp_path: Path) -> Path:
    """A folder for PATH that holds no Python: only what a bare system has."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "id", "mktemp", "rm", "tail", "env"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return programs


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run_script(name: str, path: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [DEPLOY / name, *arguments],
        env={"PATH": str(path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_without_a_recent_python_the_set_up_says_so(empty_path: Path, tmp_path: Path) -> None:
    script(empty_path / "python3", "exit 1")  # as an older Python answers `version < 3.11`
    code, said = run_script("make-venv.sh", empty_path, str(tmp_path / "venv"))
    assert code == 1
    assert "needs Python 3.11 or later" in said
    assert "apt-get install python3" in said


def test_without_the_venv_module_the_set_up_says_so(empty_path: Path, tmp_path: Path) -> None:
    script(empty_path / "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    code, said = run_script("make-venv.sh", empty_path, str(tmp_path / "venv"))
    assert code == 1
    assert "apt-get install python3-venv" in said


def test_a_command_that_exists_and_fails_is_passed_over(empty_path: Path, tmp_path: Path) -> None:
    script(empty_path / "python3.11", "exit 127")  # pyenv leaves such commands
    script(empty_path / "python3", 'echo "$@" >> ' + shlex.quote(str(tmp_path / "calls")))
    code, said = run_script("make-venv.sh", empty_path, str(tmp_path / "venv"))
    assert (code, said) == (0, "")
    assert f"-m venv --clear {tmp_path / 'venv'}" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize(("ci", "expected"), [("true", 1), ("", 0)])
def test_a_missing_browser_is_named_and_in_ci_is_an_error(
    empty_path: Path, ci: str, expected: int
) -> None:
    code, said = run_script("install-chromium.sh", empty_path, CI=ci)
    assert code == expected
    assert "sudo apt-get install chromium" in said


# --- the lock


@pytest.mark.parametrize("name", ["build", "run", "dev", "bench", "durable"])
def test_every_locked_package_has_a_version_and_a_hash(name: str) -> None:
    text = read(f"deploy/requirements/{name}.txt").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line[:80]


def test_the_lock_has_everything_that_the_project_asks_for() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    asked = {
        "build": project["build-system"]["requires"],
        "run": project["project"]["dependencies"],
        "dev": project["project"]["optional-dependencies"]["dev"],
        "bench": project["project"]["optional-dependencies"]["bench"],
    }
    for name, requirements in asked.items():
        locked = set(
            re.findall(r"^([a-z0-9-]+)==", read(f"deploy/requirements/{name}.txt"), re.MULTILINE)
        )
        names = {re.split(r"[\[<>=;~! ]", requirement)[0].lower() for requirement in requirements}
        assert names <= locked, f"{sorted(names - locked)}: run `make lock`"


# --- the image


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """(INSTRUCTION, arguments) of each instruction, with comments out and lines joined."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(name.upper(), rest) for name, rest in pairs]


def test_the_image_is_built_in_stages_and_runs_as_nobody_special() -> None:
    stages: list[list[tuple[str, str]]] = []
    for name, rest in instructions(read("Dockerfile")):
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, rest))
    assert len(stages) == 2
    last = stages[-1]
    assert ("USER", "10001:10001") in last
    assert ("ENTRYPOINT", '["vigie"]') in last
    assert [name for name, _ in last].index("USER") > [name for name, _ in last].index("RUN")
    assert any(name == "COPY" and rest.startswith("--from=build ") for name, rest in last)
    assert any(name == "HEALTHCHECK" and "/healthz" in rest for name, rest in last)
    assert any(name == "VOLUME" and "vigie-keys" in rest for name, rest in last)
    assert not any(name == "ADD" for stage in stages for name, _ in stage)


def test_the_image_installs_from_the_lock_alone() -> None:
    installs = [rest for _, rest in instructions(read("Dockerfile")) if "pip install" in rest]
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-build-isolation" in install


def test_what_the_image_copies_reaches_the_engine() -> None:
    ignored = read(".dockerignore").splitlines()
    assert ignored[1] == "*", "nothing goes to the engine unless it is named"
    named = {line[1:] for line in ignored if line.startswith("!")}
    for name, rest in instructions(read("Dockerfile")):
        if name == "COPY" and not rest.startswith("--from"):
            assert set(rest.split()[:-1]) <= named, rest


# --- Compose


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


@pytest.mark.parametrize("service", ["vigie", "postgres"])
def test_each_container_is_shut_in(compose: dict[str, Any], service: str) -> None:
    container = compose["services"][service]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "cap_add" not in container
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["ulimits"]["core"] == 0
    assert any(mount.startswith("/tmp:") for mount in container["tmpfs"])
    assert "privileged" not in container


def test_only_this_machine_reaches_the_service(compose: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["vigie"]["ports"])
    assert "ports" not in compose["services"]["postgres"]
    assert compose["networks"]["database"] == {"internal": True}


def test_the_service_runs_alone_and_postgres_is_a_profile(compose: dict[str, Any]) -> None:
    assert "profiles" not in compose["services"]["vigie"]
    assert compose["services"]["postgres"]["profiles"] == ["postgres"]
    assert compose["services"]["vigie"]["depends_on"]["postgres"]["required"] is False


def test_keys_and_data_are_apart_in_compose(compose: dict[str, Any]) -> None:
    mounts = dict(volume.split(":")[:2] for volume in compose["services"]["vigie"]["volumes"])
    assert mounts["data"] == "/var/lib/vigie"
    assert mounts["keys"] == "/var/lib/vigie-keys"


def test_no_password_is_written_in_the_compose_file(compose: dict[str, Any]) -> None:
    environment = compose["services"]["postgres"]["environment"]
    assert environment["POSTGRES_PASSWORD_FILE"] == "/run/secrets/postgres-password"
    assert "POSTGRES_PASSWORD" not in environment


# --- systemd


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    """Each setting of the unit with its values in order; systemd lets a setting repeat."""
    settings: dict[str, list[str]] = {}
    for line in (DEPLOY / "vigie.service").read_text().splitlines():
        if line and line[0] not in "#[":
            name, value = line.split("=", 1)
            settings.setdefault(name, []).append(value)
    return settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("User", "vigie"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("UMask", "0077"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("RestrictNamespaces", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("StateDirectory", "vigie vigie-keys"),
        ("StateDirectoryMode", "0700"),
        ("Restart", "always"),
    ],
)
def test_the_unit_is_hardened(unit: dict[str, list[str]], setting: str, value: str) -> None:
    assert unit[setting] == [value]


def test_the_unit_gives_the_service_time_to_stop(unit: dict[str, list[str]]) -> None:
    assert unit["KillSignal"] == ["SIGTERM"]
    assert int(unit["TimeoutStopSec"][0]) >= 30


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """systemd's own check, where systemd is; the program that it names is put in place for it."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here; it checks deploy/vigie.service")
    program = tmp_path / "vigie"
    script(program, "exit 0")
    copy = tmp_path / "vigie.service"
    copy.write_text(
        (DEPLOY / "vigie.service").read_text().replace("/opt/vigie/.venv/bin/vigie", str(program))
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
