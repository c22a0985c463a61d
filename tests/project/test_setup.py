"""From a clone to a running site: make targets and scripts/setup."""

import re
import shutil
import sys

import pytest
import yaml

from tests import PROJECT
from tests.support import chromium, processes

TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture
def project(tmp_path):
    """A folder with what scripts/setup needs, and with commands that replace those of the system."""
    shutil.copytree(PROJECT / "scripts", tmp_path / "scripts")
    for name in (
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-mutants.txt",
        "requirements-fuzz.txt",
    ):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "commands").mkdir()
    command(tmp_path, "id", "echo 1000")  # an ordinary user, who may install nothing
    return tmp_path


def command(project, name, script):
    """Add a command to the project; `script` is a line of shell."""
    path = project / "commands" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def set_up(project, *arguments, python, only_ours=False):
    """Run scripts/setup. With `only_ours`, PATH has the commands of the project and a few that every system has."""
    path = f"{project / 'commands'}:/usr/bin:/bin"
    if only_ours:
        for name in ("cat", "cksum", "rm", "mkdir", "ln", "cp", "dirname", "bash", "sh"):
            if not (project / "commands" / name).exists():
                (project / "commands" / name).symlink_to(shutil.which(name))
        path = str(project / "commands")
    return processes.run(
        ["bash", "scripts/setup", *arguments],
        cwd=project,
        env={"PATH": path, "PYTHON": python},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    "page", sorted(PROJECT.glob("*.md")) + sorted(PROJECT.glob("docs/*.md")), ids=lambda page: page.name
)
def test_every_make_target_the_documents_name_exists(page):
    assert set(re.findall(r"`make ([a-z-]+)", page.read_text())) <= TARGETS


def test_no_file_of_the_same_name_hides_a_make_target():
    makefile = (PROJECT / "Makefile").read_text()
    [phony] = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert set(phony.split()) == TARGETS >= {"format", "check"}


@pytest.mark.parametrize("script", ["scripts/setup", ".ci/run"])
def test_scripts_can_be_run_and_parsed(script):
    assert (PROJECT / script).stat().st_mode & 0o111
    assert processes.run(["bash", "-n", PROJECT / script]).returncode == 0


@pytest.mark.parametrize("file", ["docs/deploying.md", "docs/scaling.md", "deploy/compose.yaml"])
def test_each_cache_server_has_a_limit(file):
    text = (PROJECT / file).read_text(encoding="utf-8")
    assert re.search(r'maxmemory(", "| )256mb', text)
    assert re.search(r'maxmemory-policy(", "| )allkeys-lru', text)


def test_pre_commit_and_make_lint_run_the_same_ruff():
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    [revision] = [one["rev"] for one in hooks if "ruff" in one["repo"]]
    pinned = (PROJECT / "requirements-dev.txt").read_text().splitlines()
    assert f"ruff=={revision.removeprefix('v')} \\" in pinned


def test_a_missing_python_is_reported(project):
    answer = set_up(project, python="python-that-is-not-there")
    assert answer.returncode == 1
    assert "Install Python 3.11 or newer" in answer.stderr


def test_an_old_python_is_reported(project):
    command(project, "old", 'case "$1" in --version) echo Python 3.9.18;; *) exit 1;; esac')
    answer = set_up(project, python="old")
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer; old is Python 3.9.18" in answer.stderr


def test_a_debian_without_venv_is_reported(project):
    command(project, "bare", 'case "$2" in *ensurepip*) exit 1;; esac')
    answer = set_up(project, python="bare")
    assert answer.returncode == 1
    assert "sudo apt install python3-venv" in answer.stderr
    assert not (project / ".venv").exists()


def test_an_incomplete_environment_is_removed(project):
    command(project, "clumsy", 'case "$2" in venv) mkdir -p .venv/bin; exit 1;; esac')
    answer = set_up(project, python="clumsy")
    assert answer.returncode == 1
    assert not (project / ".venv").exists()


def test_a_failed_installation_is_reported_and_removed(project):
    pip = r"printf '#!/bin/sh\nexit 1\n' > .venv/bin/python; chmod +x .venv/bin/python"
    command(project, "offline", f'case "$2" in venv) mkdir -p .venv/bin; {pip};; esac')
    answer = set_up(project, python="offline")
    assert answer.returncode == 1
    assert "could not install requirements.txt" in answer.stderr
    assert not (project / ".venv").exists()


def test_what_is_installed_is_not_installed_again(project):
    count = r"printf '#!/bin/sh\necho $* >> calls\n' > .venv/bin/python; chmod +x .venv/bin/python"
    command(project, "good", f'case "$2" in venv) mkdir -p .venv/bin; {count};; esac')

    def installations():
        assert set_up(project, python="good").returncode == 0
        return (project / "calls").read_text().count("pip install")

    assert installations() == 1
    assert installations() == 1
    (project / "requirements.txt").write_text("Django==5.2.20\n")
    assert installations() == 2


# System packages for the browser tests

DRIVER = ".venv/lib/python3.11/site-packages/playwright/driver"


@pytest.fixture
def system(project):
    """The project on a system from which a test removes parts. Its apt-get writes its arguments to `installed`."""
    made = f"mkdir -p .venv/bin {DRIVER}; ln -s /bin/true .venv/bin/python; cp commands/node {DRIVER}/node"
    command(project, "good", f'case "$2" in venv) {made};; esac')
    command(project, "node", "")
    command(project, "chromium-headless-shell", "")
    command(project, "find", "echo /usr/share/fonts/DejaVuSansMono-Bold.ttf")
    command(project, "apt-get", 'echo "$@" >>installed')
    return project


def remove(system, part):
    """Remove one of PARTS from the system."""
    if part == "chromium-headless-shell":
        (system / "commands" / "chromium-headless-shell").unlink()
    elif part == "fonts-dejavu-core":
        command(system, "find", "")
    else:
        command(system, "node", "echo libatomic.so.1: cannot open shared object file >&2; exit 127")


PARTS = ["chromium-headless-shell", "fonts-dejavu-core", "libatomic1"]


@pytest.mark.parametrize("lacking", [[], *([part] for part in PARTS), PARTS])
def test_root_installs_what_the_browser_tests_lack(system, lacking):
    command(system, "id", "echo 0")
    for part in lacking:
        remove(system, part)
    assert set_up(system, "browser", python="good", only_ours=True).returncode == 0
    calls = (system / "installed").read_text().splitlines() if lacking else []
    assert [call.split()[4:] for call in calls if " install " in call] == ([lacking] if lacking else [])
    assert (system / "installed").exists() == bool(lacking)


@pytest.mark.parametrize("lacking", [[part] for part in PARTS])
def test_other_users_read_what_the_browser_tests_lack(system, lacking):
    for part in lacking:
        remove(system, part)
    answer = set_up(system, "browser", python="good", only_ours=True)
    assert answer.returncode == 0
    assert f"Debian: sudo apt install {lacking[0]}\n" in answer.stderr
    assert not (system / "installed").exists()


def test_set_up_succeeds_on_a_system_without_apt(system):
    command(system, "id", "echo 0")
    (system / "commands" / "apt-get").unlink()
    for part in PARTS:
        remove(system, part)
    answer = set_up(system, "browser", python="good", only_ours=True)
    assert answer.returncode == 0
    assert f"Debian: sudo apt install {' '.join(PARTS)}\n" in answer.stderr


def test_setup_and_tests_look_for_the_same_fonts():
    script = (PROJECT / "scripts" / "setup").read_text()
    assert re.findall(r"-name (\S+\.ttf)", script)[0] in chromium._FONTS
    assert all(str(folder) in script for folder in chromium._FOLDERS[1:])


@pytest.mark.parametrize("part", ["mutants", "fuzz"])
def test_packages_of_a_rare_tool_are_installed_on_demand(project, part):
    python = r"printf '#!/bin/sh\necho $* >> calls\n' > .venv/bin/python; chmod +x .venv/bin/python"
    command(project, "good", f'case "$2" in venv) mkdir -p .venv/bin; {python};; esac')
    for parts, times in ((["dev"], 0), (["dev", part], 1), (["dev", part], 1)):
        assert set_up(project, *parts, python="good").returncode == 0
        assert (project / "calls").read_text().count(f"requirements-{part}.txt") == times


def test_an_unknown_part_is_reported(project):
    answer = set_up(project, "broswer", python="python3")
    assert answer.returncode == 2
    assert "unknown part broswer" in answer.stderr


def test_missing_servers_are_named_with_their_packages(project):
    for name in ("bash", "cat", "chmod", "cksum", "dirname", "mkdir", "rm"):
        (project / "commands" / name).symlink_to(shutil.which(name))
    venv = r"printf '#!/bin/sh\n' > .venv/bin/python; chmod +x .venv/bin/python"
    command(project, "good", f'case "$2" in venv) mkdir -p .venv/bin; {venv};; esac')
    environment = {"PATH": str(project / "commands"), "PYTHON": "good"}
    done = processes.run(
        ["bash", "scripts/setup", "servers"], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0
    said = done.stderr.splitlines()[-1]
    assert "sudo apt install" in said
    assert {"redis-server", "caddy", "openssl", "systemd"} <= set(said.split())


def test_with_require_all_a_missing_program_is_an_error(tmp_path):
    """`.ci/run` sets REQUIRE_ALL. Chromium and openssl are looked for in PATH, which is empty here."""
    run = [sys.executable, "-m", "pytest", "--collect-only", "tests/journey/test_times.py"]
    for asked, code in (("", 0), ("1", 4)):
        environment = {"PATH": str(tmp_path), "DEBUG": "True", "REQUIRE_ALL": asked}
        done = processes.run(run, cwd=PROJECT, env=environment, capture_output=True, text=True)
        assert done.returncode == code
        assert ("REQUIRE_ALL is set, and there is no Chromium here" in done.stderr) == bool(asked)
    assert "export REQUIRE_ALL=1" in (PROJECT / ".ci" / "run").read_text()
