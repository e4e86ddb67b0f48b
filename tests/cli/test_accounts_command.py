"""`tallyd accounts` in this process: what it prints is what programs rely on."""

import io

import pytest


@pytest.fixture
def password(monkeypatch):
    """Give a function that puts a password on standard input."""

    def put(text="correct horse"):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))

    return put


@pytest.fixture
def alice(tallyd, password):
    """Add an operator."""
    password()
    added = tallyd("accounts", "add", "alice", "--role", "operator", "--password-stdin", "--json")
    assert added.code == 0, added.err
    return added.json


def test_an_account_is_added_and_listed(tallyd, alice):
    """Its id and its name are told, and stay."""
    assert alice == {"id": 1, "name": "alice"}
    (listed,) = tallyd("accounts", "list", "--json").json
    assert (listed["id"], listed["name"], listed["role"]) == (1, "alice", "operator")


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("purpose", "keys"),
    [
        ("native", {"token"}),
        ("ibm", {"client_id", "client_secret"}),
        ("uplynk", {"owner", "key"}),
    ],
)
def test_a_key_has_the_words_of_its_interface(tallyd, purpose, keys):
    """Each interface calls the halves of a key by its own names."""
    shown = tallyd("accounts", "key", "alice", "--for", purpose, "--json").json
    assert set(shown) == keys
    assert all(shown.values())
    again = tallyd("accounts", "key", "alice", "--for", purpose, "--json").json
    assert again != shown


@pytest.mark.usefixtures("alice")
def test_one_key_is_revoked_and_the_others_stay(tallyd):
    """Who lost a key has that one made worthless; no list shows a secret."""
    first = tallyd("accounts", "key", "alice", "--for", "ibm", "--json").json
    tallyd("accounts", "key", "alice", "--for", "native", "--expires", "1h")
    listed = tallyd("accounts", "keys", "alice", "--json")
    assert [each["for"] for each in listed.json] == ["ibm", "native"]
    assert all(set(each) == {"id", "for", "created", "expires"} for each in listed.json)
    assert first["client_secret"] not in listed.out
    assert first["client_id"] in tallyd("accounts", "keys", "alice").out
    key_id = first["client_id"]
    assert tallyd("accounts", "revoke", key_id, "--json").json == {"revoked": key_id}
    assert [each["for"] for each in tallyd("accounts", "keys", "alice", "--json").json] == [
        "native"
    ]
    assert tallyd("accounts", "revoke", key_id).code == 3


@pytest.mark.usefixtures("alice")
def test_there_may_be_no_keys(tallyd):
    """Without keys there is nothing to list; of somebody unknown that is said."""
    assert tallyd("accounts", "keys", "alice", "--json").json == []
    assert "has no keys" in tallyd("accounts", "keys", "alice").err
    assert tallyd("accounts", "keys", "bob").code == 3


@pytest.mark.usefixtures("alice")
def test_a_name_is_taken_once(tallyd, password):
    """Whatever the case of its letters."""
    password()
    again = tallyd("accounts", "add", "ALICE", "--role", "admin", "--password-stdin")
    assert (again.code, "already" in again.err) == (4, True)


@pytest.mark.parametrize(
    ("name", "secret"), [("bob", "short"), ("", "correct horse"), ("a\tb", "correct horse")]
)
def test_what_cannot_be_used_is_refused(tallyd, password, name, secret):
    """A short password, or a name that cannot be read, is a mistake; no password is repeated."""
    password(secret)
    refused = tallyd("accounts", "add", name, "--role", "viewer", "--password-stdin")
    assert refused.code == 2
    assert secret not in refused.err


@pytest.mark.usefixtures("alice")
def test_who_is_not_there_is_not_found(tallyd, password):
    """Each command says so."""
    password()
    assert tallyd("accounts", "key", "bob", "--for", "native").code == 3
    assert tallyd("accounts", "remove", "bob").code == 3
    assert tallyd("accounts", "join", "bob", "staff").code == 3
    assert tallyd("accounts", "passwd", "bob", "--password-stdin").code == 3


def test_groups_and_removal(tallyd, alice, password):
    """An account joins groups, gets another password, and goes."""
    assert tallyd("accounts", "join", "alice", "staff", "--json").json == {"id": 1, "name": "staff"}
    assert tallyd("accounts", "join", "alice", "staff", "--json").json == {"id": 1, "name": "staff"}
    assert tallyd("accounts", "list", "--json").json[0]["groups"] == ["staff"]
    password("another horse")
    assert tallyd("accounts", "passwd", "alice", "--password-stdin", "--json").json == alice
    assert tallyd("accounts", "remove", "alice", "--json").json == alice
    assert tallyd("accounts", "list", "--json").json == []


@pytest.mark.usefixtures("alice")
def test_where_users_of_a_program_are_sent(tallyd):
    """Addresses belong to a key for IBM, and have to be some."""
    words = ("accounts", "key", "alice", "--redirect-uri")
    good = "https://program.example/callback"
    assert tallyd(*words, good, "--for", "ibm", "--json").code == 0
    assert tallyd(*words, good, "--for", "native").code == 2
    refused = tallyd(*words, "nonsense", "--for", "ibm")
    assert (refused.code, "redirect_uri" in refused.err) == (2, True)
