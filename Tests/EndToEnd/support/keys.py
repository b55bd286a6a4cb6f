"""Keys that sign access tokens as identity does."""

from __future__ import annotations

import base64
import hashlib
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from support.client import Member
from support.mesh import Mesh


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A signing key, with its name by RFC 7638."""

    def __init__(self) -> None:
        self.secret = Ed25519PrivateKey.generate()
        self.x = base64url(self.secret.public_key().public_bytes_raw())
        members = {"crv": "Ed25519", "kty": "OKP", "x": self.x}
        self.id = base64url(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())

    def sign(self, claims: dict, **header: str) -> str:
        return jwt.encode(claims, self.secret, algorithm="EdDSA", headers={"kid": self.id} | header)

    def publish(self, mesh: Mesh) -> None:
        """Enters it into the topic of identity's keys, so that gateways believe it."""
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": self.x, "kid": self.id, "use": "sig", "alg": "EdDSA"}
        mesh.publish("identity.keys", self.id, json.dumps({"kid": self.id, "jwk": jwk}))

    def token(self, member: Member, seconds: float) -> str:
        """A token of the member that holds for so long."""
        claims = jwt.decode(member.tokens["accessToken"], options={"verify_signature": False})
        return self.sign(claims | {"exp": int(time.time() + seconds)})
