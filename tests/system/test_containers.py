"""Tests the files for containers without a container engine.

The tests read compose.yaml, and run the Dockerfile's lines on the files that the image would contain.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from tests.support import processes
from tests.support.proxies import DEPLOY, visitor
from tests.support.served import PROJECT, free_port, until_connected

GUIDE = (PROJECT / "docs" / "deploying.md").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
EXAMPLE = dict(re.findall(r"^([A-Z_]+)=(.*)$", (DEPLOY / "compose.env").read_text(), re.MULTILINE))


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile in order, each as ("RUN", "its arguments")."""
    lines = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [tuple(line.split(None, 1)) for line in re.sub(r" *\\\n *", " ", lines).splitlines() if line]


DOCKERFILE = instructions()


def arguments_of(instruction: str) -> list[str]:
    """The arguments of each instruction with this name, in order."""
    return [what for name, what in DOCKERFILE if name == instruction]


# compose.yaml


def test_services_wait_for_services_that_report_readiness() -> None:
    assert set(SERVICES) == {"migrate", "web", "watch", "postgres", "valkey"}
    awaited = [(name, *one) for name in OURS for one in SERVICES[name]["depends_on"].items()]
    assert {name for name, _, _ in awaited} == set(OURS)
    for name, other, how in awaited:
        if how["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"], f"{name} waits for {other}"
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no", f"{other} must not be restarted when it ends"


def test_our_services_share_one_image_and_run_existing_commands() -> None:
    for service in OURS.values():
        assert service["image"] == "emsguide"
        assert (DEPLOY / service["build"]["context"]).resolve() == PROJECT
        assert (PROJECT / service["build"]["dockerfile"]).is_file()
        program, *arguments = service.get("command", ["python", "manage.py", "check"])
        assert (program, arguments[0]) == ("python", "manage.py") and arguments[1] in get_commands()


def test_our_services_are_restricted_and_open_to_the_host_only() -> None:
    for service in OURS.values():
        assert service["read_only"] is True and service["tmpfs"] == "/tmp"
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:8000:8000"]
    assert arguments_of("USER") == ["950"]


def test_data_that_must_survive_is_in_a_volume() -> None:
    mounted = {volume for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert {volume.split(":")[0] for volume in mounted} == set(COMPOSE["volumes"])
    (environment,) = arguments_of("ENV")
    assert f"backups:{dict(one.split('=', 1) for one in environment.split())['BACKUP_FOLDER']}" in mounted


def test_each_variable_of_the_compose_file_is_in_the_example() -> None:
    assert set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())) <= set(EXAMPLE)
    assert {service["env_file"] for service in OURS.values()} == {".env"}


def test_pg_dump_has_the_release_of_the_server() -> None:
    (release,) = re.findall(r"postgresql-client-(\d+)", " ".join(arguments_of("RUN")))
    assert SERVICES["postgres"]["image"] == f"postgres:{release}"


def test_each_command_of_the_guide_names_our_file_and_its_services() -> None:
    blocks = re.findall(r"^```\w*\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    asked = [shlex.split(line) for line in lines if line.startswith("docker ")]
    assert {words[4] for words in asked} == {"up", "exec", "run", "stop", "start"}
    for words in asked:
        assert words[:4] == ["docker", "compose", "-f", "deploy/compose.yaml"]
        named = [word for word in words[5:] if not word.startswith("-")]
        with_command = {"exec", "run"}  # the words after the service are a command inside it
        assert set(named[:1] if words[4] in with_command else named) <= set(SERVICES)


# The Dockerfile

# These commands need root, the network or minutes. All others are run.
NOT_HERE = re.compile(
    r"apt-get |rm -rf /var/|useradd |install -d |python -m venv |/opt/venv/bin/python -m pip "
)


@pytest.fixture
def image(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """The built image: a folder in place of /opt/emsguide, and the environment of a container.

    The folder contains only the files that Dockerfile.dockerignore allows.
    """
    code, state = tmp_path / "code", tmp_path / "state"
    state.mkdir()
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    everything, *allowed, caches = [rule for rule in rules if not rule.startswith("#")]
    assert (everything, caches) == ("*", "**/__pycache__") and all(rule[0] == "!" for rule in allowed)
    for rule in allowed:
        source, copy = PROJECT / rule[1:], code / rule[1:]
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    copied = [words.split() for words in arguments_of("COPY")]
    assert [words[0] for words in copied] == ["requirements.txt", "--from=packages", "."]
    assert (code / "requirements.txt").is_file()

    (environment,) = arguments_of("ENV")
    for there, here in {
        "/opt/venv": sys.prefix,
        "/opt/emsguide": str(code),
        "/var/lib/emsguide": str(state),
        "$PATH": os.environ["PATH"],
        "0.0.0.0:8000": f"127.0.0.1:{free_port()}",
    }.items():
        assert there in environment
        environment = environment.replace(there, here)
    inside = dict(one.split("=", 1) for one in environment.split())
    for line in arguments_of("RUN"):
        for command in line.split(" && "):
            if not NOT_HERE.match(command):
                processes.run(
                    ["sh", "-euc", command], cwd=code, env=inside, check=True, stdout=subprocess.DEVNULL
                )
    settings = {"SECRET_KEY": "production " * 6, "DATABASE_URL": f"sqlite:///{state}/db.sqlite3"}
    return code, inside | EXAMPLE | settings


@pytest.fixture
def container(image: tuple[Path, dict[str, str]]) -> Iterator[tuple[Path, dict[str, str]]]:
    """The image while its own command runs, after `migrate`."""
    code, inside = image
    before = files_in(code)
    (command,) = [json_words(what) for name, what in DOCKERFILE if name == "CMD"]
    processes.run(SERVICES["migrate"]["command"], cwd=code, env=inside, check=True, stdout=subprocess.DEVNULL)
    with processes.running(command, cwd=code, env=inside):
        until_connected(int(inside["BIND"].rpartition(":")[2]))
        yield image
    assert files_in(code) == before  # the image is read-only


def json_words(text: str) -> list[str]:
    return yaml.safe_load(text)


def files_in(folder: Path) -> set[Path]:
    return {file for file in folder.rglob("*") if file.is_file() and file.parent.name != "__pycache__"}


def test_the_image_has_all_files_and_a_working_health_check(
    container: tuple[Path, dict[str, str]],
) -> None:
    code, inside = container
    (check,) = arguments_of("HEALTHCHECK")
    command = json_words(check.partition(" CMD ")[2])
    assert processes.run(command, cwd=code, env=inside).returncode == 0
    headers = {"Host": inside["ALLOWED_HOSTS"], "X-Forwarded-Proto": "https"}
    with visitor() as session:
        page = session.get(f"http://{inside['BIND']}/", headers=headers)
        style = re.findall(r'href="(/static/css/site\.\w+\.css)"', page.text)[0]
        assert session.get(f"http://{inside['BIND']}{style}", headers=headers).status_code == 200
    without_server = inside | {"BIND": f"127.0.0.1:{free_port()}"}
    unhealthy = processes.run(command, cwd=code, env=without_server, stderr=subprocess.DEVNULL)
    assert unhealthy.returncode == 1
