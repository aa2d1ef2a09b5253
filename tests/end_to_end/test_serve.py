"""``dothi serve`` as people start, reach and end it."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest
import requests
from click.testing import CliRunner

from dothi.cli import main

STARTS = re.compile(r"http://127\.0\.0\.1:(\d+)/")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_it_takes_the_next_free_port_and_ends_quietly_when_interrupted(demo, served):
    port = int(STARTS.search(served.address).group(1))
    command = [sys.executable, "-m", "dothi", "serve", str(demo), "--port", str(port)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment
    ) as process:
        line = process.stdout.readline()
        found = STARTS.search(line)
        assert "Nantes" in line
        assert port < int(found.group(1)) < port + 100
        assert requests.get(f"{found.group()}api/study", timeout=10).json()["name"] == "Nantes"
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Stopped." in complaints
    assert "Traceback" not in complaints


def test_a_study_that_was_not_built_is_bad_input_and_says_what_to_run(write_study):
    result = CliRunner().invoke(main, ["serve", str(write_study('kind = "nantes"')), "--port", "0"])
    assert result.exit_code == 2
    assert "run dothi build" in result.output


def test_a_host_that_is_not_this_machine_is_bad_input(write_study):
    result = CliRunner().invoke(main, ["serve", str(write_study('kind = "nantes"')), "--host", "203.0.113.7"])
    assert result.exit_code == 2
    assert "--host: is an address of this machine" in result.output


def test_without_the_extra_it_says_how_to_install_it(write_study, monkeypatch):
    monkeypatch.delitem(sys.modules, "dothi.server.serve", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = CliRunner().invoke(main, ["serve", str(write_study('kind = "nantes"'))])
    assert result.exit_code == 1
    assert "pip install 'dothi[server]'" in result.output


def test_the_port_is_closed_to_the_rest_of_the_network(served):
    port = int(STARTS.search(served.address).group(1))
    others = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        if not address.startswith("127."):
            with socket.socket() as caller:
                caller.settimeout(2.0)
                assert caller.connect_ex((address, port)) != 0
