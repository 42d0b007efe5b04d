"""The state directory against what others plant in it, and the versions in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from certs.snapshot import Vhostsmith, tree
from vhostsmith.certs import state as state_directory
from vhostsmith.certs import store

Plant = Callable[[Path, Path], None]


def bundle(text: str) -> store.Bundle:
    return store.Bundle(cert=text.encode(), chain=b"", key=b"key")


# Links


def instead_of(place: str) -> Plant:
    """Return what puts a link to another directory in a place of the state directory."""

    def plant(state: Path, elsewhere: Path) -> None:
        path = state / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(elsewhere)

    return plant


@pytest.mark.parametrize("place", ["certs", "live", "certs/a.test"])
def test_a_link_instead_of_a_directory_is_not_followed(
    self_signed: Vhostsmith, state: Path, tmp_path: Path, place: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    instead_of(place)(state, elsewhere)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{state}/{place}: cannot write: Not a directory" in said.err
    assert "links are not followed" in said.err
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("place", ["lock", "format"])
def test_a_link_instead_of_a_file_is_not_followed(
    self_signed: Vhostsmith, state: Path, tmp_path: Path, place: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("1")
    instead_of(place)(state, elsewhere)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{state}/{place}: cannot " in said.err
    assert "Too many levels of symbolic links" in said.err
    assert elsewhere.read_text() == "1"
    assert not (state / "certs").exists()


@pytest.mark.parametrize("place", ["certs/a.test/.new", "live/.new", ".format.new"])
def test_a_link_where_something_new_is_written_is_taken_away_and_not_followed(
    self_signed: Vhostsmith, state: Path, tmp_path: Path, place: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "privkey.pem").write_text("theirs")
    instead_of(place)(state, elsewhere)
    assert self_signed("a.test").code == 0
    assert tree(elsewhere).keys() == {"privkey.pem"}
    assert (elsewhere / "privkey.pem").read_text() == "theirs"
    assert not (state / place).is_symlink()


def test_what_a_killed_run_left_is_taken_away_but_not_what_its_links_lead_to(
    self_signed: Vhostsmith, state: Path, tmp_path: Path
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").write_text("theirs")
    left = state / "certs" / "a.test" / ".new"
    left.mkdir(parents=True)
    (left / "link").symlink_to(tmp_path / "theirs")
    (left / "deep").mkdir()
    (left / "deep" / "link").symlink_to(tmp_path / "theirs" / "file")
    assert self_signed("a.test").code == 0
    assert not left.exists()
    assert (tmp_path / "theirs" / "file").read_text() == "theirs"


def test_a_version_that_is_a_link_is_neither_read_nor_replaced(
    self_signed: Vhostsmith, state: Path, tmp_path: Path
) -> None:
    self_signed("a.test")
    versions = state / "certs" / "a.test"
    (versions / "v0001").rename(tmp_path / "elsewhere")
    (versions / "v0001").symlink_to(tmp_path / "elsewhere")
    before = tree(state)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{versions}/v0001: cannot write: Not a directory" in said.err
    assert tree(state) == before


@pytest.mark.parametrize("name", ["cert.pem", "privkey.pem"])
def test_a_file_of_a_version_that_is_a_link_is_not_followed(
    self_signed: Vhostsmith, state: Path, tmp_path: Path, name: str
) -> None:
    self_signed("a.test")
    path = state / "certs/a.test/v0001" / name
    path.rename(tmp_path / name)
    path.symlink_to(tmp_path / name)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{path}: cannot read: Too many levels of symbolic links" in said.err


def test_a_fifo_in_the_place_of_a_file_holds_nobody_up(
    self_signed: Vhostsmith, state: Path
) -> None:
    self_signed("a.test")
    path = state / "certs/a.test/v0001/cert.pem"
    path.unlink()
    os.mkfifo(path)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{path}: not a regular file" in said.err


@pytest.mark.parametrize(
    "target",
    [
        "/etc/letsencrypt/live/a.test",
        "../certs/a.test",
        "../certs/b.test/v0001",
        "../certs/a.test/v0001/..",
        "../certs/a.test/v01",
        "v0001",
    ],
)
def test_a_live_link_that_is_not_ours_is_named_and_stays(
    self_signed: Vhostsmith, state: Path, target: str
) -> None:
    instead_of("live/a.test")(state, Path(target))
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{state}/live/a.test: the link leads to {target}, which is not ours" in said.err
    assert os.readlink(state / "live/a.test") == target


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_is_no_live_link_is_named_and_stays(
    self_signed: Vhostsmith, state: Path, kind: str
) -> None:
    place = state / "live" / "a.test"
    place.parent.mkdir(parents=True)
    if kind == "file":
        place.write_text("theirs")
    else:
        place.mkdir()
    before = place.stat()
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{place}: not a link, and what we did not make is not replaced" in said.err
    assert place.stat() == before


def test_what_else_lies_beside_the_versions_stays(self_signed: Vhostsmith, state: Path) -> None:
    versions = state / "certs" / "a.test"
    versions.mkdir(parents=True)
    for name in ("order.json", "v1", "v0001x", "V0009", "notes"):
        (versions / name).write_text(name)
    for number in range(4):
        self_signed("a.test", "--alias", f"b{number}.test")
    assert sorted(os.listdir(versions)) == sorted(
        ["order.json", "v1", "v0001x", "V0009", "notes", "v0002", "v0003", "v0004"]
    )


# Versions


def test_the_live_version_is_kept_however_old_it_is(state: Path) -> None:
    with state_directory.opened(str(state)) as opened:
        for number in range(1, 6):
            assert store.publish(opened, "a.test", bundle(str(number))) == f"v000{number}"
            if number > 1:
                link = state / "live" / "a.test"
                link.unlink()
                link.symlink_to("../certs/a.test/v0001")
        found = store.live(opened, "a.test")
    assert found == store.Live(version="v0001", cert=b"1", key=b"key")
    assert sorted(os.listdir(state / "certs" / "a.test")) == ["v0001", "v0004", "v0005"]


def test_numbers_go_on_past_four_digits(state: Path) -> None:
    (state / "certs/a.test/v9999").mkdir(parents=True)
    with state_directory.opened(str(state)) as opened:
        assert store.publish(opened, "a.test", bundle("1")) == "v10000"
        assert store.publish(opened, "a.test", bundle("2")) == "v10001"
        found = store.live(opened, "a.test")
    assert found is not None
    assert (found.version, found.cert) == ("v10001", b"2")


def test_a_key_is_never_shown(state: Path) -> None:
    secret = store.Bundle(cert=b"", chain=b"", key=b"SECRET")
    with state_directory.opened(str(state)) as opened:
        store.publish(opened, "a.test", secret)
        assert "SECRET" not in repr((secret, store.live(opened, "a.test")))


# Only root's


@pytest.mark.needs("root")
@pytest.mark.parametrize("mode", [0o775, 0o777, 0o1777])
def test_as_root_a_state_directory_that_others_can_change_is_refused(
    self_signed: Vhostsmith, state: Path, mode: int
) -> None:
    state.mkdir()
    state.chmod(mode)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"chown root: {state} && chmod go-w {state}" in said.err
    assert list(state.iterdir()) == []


@pytest.mark.needs("root")
def test_as_root_a_state_directory_of_somebody_else_is_refused(
    self_signed: Vhostsmith, state: Path
) -> None:
    state.mkdir()
    os.chown(state, 65534, 0)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"chown root: {state}" in said.err
    assert list(state.iterdir()) == []


@pytest.mark.needs("root")
def test_as_root_a_new_directory_in_one_that_others_can_change_is_refused(
    self_signed: Vhostsmith, tmp_path: Path
) -> None:
    parent = tmp_path / "theirs"
    parent.mkdir()
    parent.chmod(0o777)
    said = self_signed("a.test", state_dir=parent / "new" / "state")
    assert said.code == 1
    assert f"chmod go-w {parent}" in said.err
    assert list(parent.iterdir()) == []
    # As /tmp is: others may add to it, and not take away what is ours.
    parent.chmod(0o1777)
    assert self_signed("a.test", state_dir=parent / "new" / "state").code == 0


@pytest.mark.needs("root")
@pytest.mark.parametrize("place", ["certs", "live", "certs/a.test"])
def test_as_root_a_directory_inside_that_others_can_change_is_refused(
    self_signed: Vhostsmith, state: Path, place: str
) -> None:
    (state / place).mkdir(parents=True)
    (state / place).chmod(0o770)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"chmod go-w {state}/{place}" in said.err
    assert list((state / place).iterdir()) == []
