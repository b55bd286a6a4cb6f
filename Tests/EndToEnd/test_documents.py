"""What the mesh says about itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import openapi_spec_validator
import pytest

from support.client import Member
from support.mesh import Mesh

RECORDED = Path(__file__).parent / "Documents" / "openapi.json"


def test_openapi_is_valid(http: httpx.Client):
    document = http.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert "post" in document["paths"]["/api/v1/auth/register"]
    openapi_spec_validator.OpenAPIV31SpecValidator(document).validate()
    openapi_spec_validator.OpenAPIV31SpecValidator(json.loads(RECORDED.read_text())).validate()


def test_documents_are_there(http: httpx.Client):
    assert http.get("/asyncapi.json").json()["asyncapi"] == "3.0.0"
    assert "text/html" in http.get("/docs").headers["content-type"]
    assert http.get("/").headers["location"] == "/docs"


@pytest.mark.timeout(600)  # it asks some thousand times
def test_answers_are_as_documented(mesh: Mesh, member: Member):
    """Made-up requests to every operation: no server error, no answer that the document does not know."""
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{mesh.url}/openapi.json", "--checks", checks, "--max-examples", "20", "--seed", "1"),
        *("--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color"),
        *("-H", f"Authorization: Bearer {member.tokens['accessToken']}"),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=mesh.folder)
    assert done.returncode == 0, done.stdout
