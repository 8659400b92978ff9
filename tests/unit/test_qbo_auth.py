from __future__ import annotations

import base64
import copy
import pickle

import pytest

from dunahub_qbo_plugin.qbo.auth import ClientAuth, Grant, Secret


def test_a_secret_shows_itself_only_when_asked() -> None:
    """No way of printing a secret gives it away."""
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", repr([secret])):
        assert "hunter2" not in shown
    grant = Grant(company="c1", realm_id=secret, access_token=secret)
    client = ClientAuth(client_id="id", client_secret=secret)
    assert "hunter2" not in repr(grant) + repr(client)


def test_a_secret_leaves_the_process_in_no_other_form() -> None:
    """A secret is neither pickled nor copied into a pickle."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"))
    with pytest.raises(TypeError):
        copy.deepcopy(Secret("hunter2"))


def test_secrets_compare_by_value() -> None:
    """Equal texts are equal secrets; a text is no secret; an empty one is false."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("\ud800")}) == 2
    assert not Secret("")


def test_authorization_headers() -> None:
    """A request carries the bearer token, a token request the app's keys as they are."""
    grant = Grant(company="c1", realm_id=Secret("1"), access_token=Secret("tok"))
    assert grant.bearer() == "Bearer tok"
    client = ClientAuth(client_id="AB:c", client_secret=Secret("s/+ %"))
    assert base64.b64decode(client.basic().removeprefix("Basic ")) == b"AB:c:s/+ %"
