"""Pickles become data or one sentence about what is wrong with them; nothing in them is ever run or imported."""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import os
import pickle
import struct
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from foreign_files import Call, Global, layer_attributes, nested, nvidia_file, pickled, rosinality_state, style_weights

from explorer.errors import CheckpointError
from explorer.formats import read_checkpoint
from explorer.formats.records import ArrayData, Name, Record, TensorData
from explorer.formats.trees import read_tree

REBUILD: Final = ("torch._utils", "_rebuild_tensor_v2")
LOAD: Final = ("torch.storage", "_load_from_bytes")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.pkl"


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """A file that appears if something in a pickle is run; it must not."""
    mark = tmp_path / "was-run"
    yield mark
    assert not mark.exists()


# --- what is data ---


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_back_as_they_were(path: Path, protocol: int) -> None:
    value = {
        "numbers": [0, 1, -1, 255, 256, 65_536, -(2**31), 2**40, -(2**70), 1.5, float("inf")],
        "truths": (True, False, None),
        "texts": ["", "Kleider für alle", "x" * 300, "\U0001f600"],
        "bytes": [b"", b"abc", bytes(range(40))],
        "nested": [[[]], {}, {"a": {"b": (1, 2, 3, 4)}}],
        7: "a number is a name, too",
    }
    assert root(path, pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_containers_of_the_standard_library_become_plain_ones(path: Path, protocol: int) -> None:
    ordered = collections.OrderedDict(a=1, b=2)
    value = {"ordered": ordered, "default": collections.defaultdict(list, x=1), "set": {3}, "frozen": frozenset([4])}
    read = root(path, pickle.dumps(value, protocol))
    assert read == {"ordered": {"a": 1, "b": 2}, "default": {"x": 1}, "set": [3], "frozen": [4]}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2", "|u1", "<i8", ">i2", "|b1", "<c8"])
def test_arrays_come_back_as_they_were(path: Path, protocol: int, kind: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    read = root(path, pickle.dumps([array, np.asfortranarray(array), array[:0], array[0, 0, 1]], protocol))
    for given, found in zip([array, array, array[:0]], read[:3], strict=True):
        assert isinstance(found, ArrayData)
        np.testing.assert_array_equal(found.read().numpy(), given)
    assert read[3] == array[0, 0, 1].item()
    assert type(read[3]) is type(array[0, 0, 1].item())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_in_pickles_come_back_as_they_were(path: Path, protocol: int) -> None:
    read = root(path, pickle.dumps(tensors(), protocol))
    assert_same_tensors(read, tensors())


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_tensors_saved_by_torch_come_back_as_they_were(path: Path, is_zip: bool, protocol: int) -> None:
    torch.save(tensors(), path, pickle_protocol=protocol, _use_new_zipfile_serialization=is_zip)
    assert_same_tensors(read_tree(path).root, tensors())


def test_a_storage_shared_by_two_tensors_is_found_by_both(path: Path) -> None:
    whole = torch.arange(10.0)
    torch.save({"whole": whole, "part": whole[2:8:2]}, path)
    read = read_tree(path).root
    assert_same_tensors(read, {"whole": whole, "part": whole[2:8:2]})
    assert isinstance(read, dict)
    assert read["whole"].storage is read["part"].storage


def test_objects_of_unknown_classes_become_records(path: Path) -> None:
    torch.save({"args": argparse.Namespace(size=256), "device": torch.device("cuda:3")}, path)
    read = read_tree(path).root
    assert isinstance(read, dict)
    args = read["args"]
    assert isinstance(args, Record)
    assert (args.module, args.name, args.state) == ("argparse", "Namespace", {"size": 256})
    assert isinstance(read["device"], Record)


@pytest.mark.parametrize("protocol", [2, 4])
def test_unknown_modules_are_not_imported(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    (tmp_path / "trap_module.py").write_text("from pathlib import Path\nPath(__file__).with_name('was-run').touch()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    call = Call(("trap_module", "Trap"), 1, state={"__class__": Global("trap_module", "Other"), "__dict__": 3})
    read = root(path, pickled({"a": call, "b": Global("trap_module", "Trap")}, protocol))
    assert isinstance(read["a"], Record)
    assert isinstance(read["b"], Name)
    assert "trap_module" not in sys.modules
    assert not (tmp_path / "was-run").exists()


def test_attributes_set_on_data_are_only_data(path: Path) -> None:
    state = {"__class__": Global("trap_module", "Trap"), "__reduce__": 1, "storage": 2}
    data = pickled(
        {"o": Call(("collections", "OrderedDict"), state=state), "t": Call(REBUILD, *geometry((1,), (1,)), state=state)}
    )
    read = root(path, data)
    assert type(read["o"]) is dict
    assert type(read["t"]) is TensorData
    assert read["t"].storage.count == 4


def test_settings_that_point_back_at_their_owner_are_left_out(path: Path) -> None:
    state: dict[str, object] = {}
    state["_parent"] = [state]
    assert isinstance(
        root(path, pickled({"c": Call(("omegaconf", "DictConfig"), state=state, is_new=True)}))["c"], Record
    )


# --- what would run code ---

ATTACKS: Final[dict[str, Callable[[str], object]]] = {
    "os.system": lambda mark: Call(("os", "system"), f"touch {mark}"),
    "posix.system": lambda mark: Call(("posix", "system"), f"touch {mark}"),
    "nt.system": lambda mark: Call(("nt", "system"), f"type nul > {mark}"),
    "subprocess": lambda mark: Call(("subprocess", "Popen"), ["touch", mark]),
    "subprocess made as an object": lambda mark: Call(("subprocess", "Popen"), ["touch", mark], is_new=True),
    "eval": lambda mark: Call(("builtins", "eval"), f"open({mark!r}, 'w')"),
    "exec": lambda mark: Call(("builtins", "exec"), f"open({mark!r}, 'w')"),
    "open": lambda mark: Call(("builtins", "open"), mark, "w"),
    "Python 2's eval": lambda mark: Call(("__builtin__", "eval"), f"open({mark!r}, 'w')"),
    "Python 2's apply": lambda mark: Call(("__builtin__", "apply"), Global("os", "system"), (f"touch {mark}",)),
    "getattr": lambda mark: Call(("builtins", "getattr"), Global("collections", "OrderedDict"), "update"),
    "import": lambda mark: Call(("builtins", "__import__"), "os"),
    "importlib": lambda mark: Call(("importlib", "import_module"), "os"),
    "a name through a known module": lambda mark: Call(("torch", "serialization.os.system"), f"touch {mark}"),
    "a name through a class": lambda mark: Call(("collections", "OrderedDict.update"), {}, {}),
    "torch.load": lambda mark: Call(("torch", "load"), mark),
    "torch.serialization": lambda mark: Call(("torch.serialization", "load"), mark),
    "torch.hub": lambda mark: Call(("torch.hub", "load"), "x", "y"),
    "torch.jit": lambda mark: Call(("torch.jit._script", "Load"), mark),
    "numpy.load": lambda mark: Call(("numpy", "load"), mark),
    "numpy's function in a module": lambda mark: Call(("numpy.lib.npyio", "loadtxt"), mark),
    "an unknown function": lambda mark: Call(("some_package.tools", "run_it"), mark),
    "operator": lambda mark: Call(("operator", "attrgetter"), "system"),
    "pickle in a pickle": lambda mark: Call(("pickle", "loads"), pickled(Call(("os", "system"), f"touch {mark}"))),
    "a storage that is a pickle": lambda mark: Call(LOAD, pickled(Call(("os", "system"), f"touch {mark}"))),
    "a storage that is a stream": lambda mark: Call(LOAD, stream(Call(("os", "system"), f"touch {mark}"))),
    "a storage that is a stream of something else": lambda mark: Call(LOAD, stream([1])),
    "a storage in a storage": lambda mark: Call(LOAD, stream(Call(LOAD, stream([1])))),
    "a storage that is a zip file": lambda mark: Call(LOAD, zipped(Call(("os", "system"), f"touch {mark}"))),
    "a call of a result": lambda mark: _call_of_a_value(),
    "a file outside": lambda mark: Call(("pathlib", "Path.touch"), Call(("pathlib", "PosixPath"), mark)),
}
CONTAINERS: Final[dict[str, Callable[[object], bytes]]] = {
    "pickle": lambda value: pickled(value, 4),
    "old pickle": lambda value: pickled(value, 2),
    "beside others": lambda value: pickled({"G_ema": [1, 2], "more": (1, [value])}, 3),
    "zip": lambda value: zipped({"a": value}),
    "stream": lambda value: stream({"a": value}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_not_run(path: Path, mark: Path, attack: str) -> None:
    for contain in CONTAINERS.values():
        said = sentence(path, contain(ATTACKS[attack](str(mark))))
        assert "not opened" in said or "cannot be opened" in said


def test_the_attacks_of_these_tests_are_real(tmp_path: Path) -> None:
    mark = tmp_path / "run"
    pickle.loads(pickled(Call((os.name, "system"), f"echo > {mark}")))
    assert mark.exists()


def test_a_refusal_names_what_was_asked_for_and_where(path: Path) -> None:
    data = pickled({"a": Call(("os", "system"), "ls")})
    assert f"asks to run system of os, at byte {data.index(pickle.STACK_GLOBAL)}." in sentence(path, data)


def test_a_name_with_control_characters_is_shown_harmlessly(path: Path) -> None:
    assert "run sys?tem?[2J of os" in sentence(path, pickled(Call(("os", "sys\ntem\x1b[2J"))))


@pytest.mark.parametrize(
    "instructions",
    [
        b"\x82\x01",
        b"\x83\x01\x00",
        b"\x84\x01\x00\x00\x00",
        b"ios\nsystem\n",
        b"(cos\nsystem\no",
        b"Px\n",
        b"\x97",
        b"\x98",
    ],
)
def test_instructions_that_no_model_has_are_refused(path: Path, instructions: bytes) -> None:
    sentence(path, b"\x80\x04(" + instructions + b".")


# --- what would cost memory or time ---

BOMBS: Final[dict[str, bytes]] = {
    "a huge number of an object": b"\x80\x02Nr\x00\x00\x00\x08.",
    "bytes longer than the file": b"\x80\x03B\xff\xff\xff\x7f.",
    "bytes much longer than the file": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "a text longer than the file": b"\x80\x02X\xff\xff\xff\xff.",
    "a text much longer than the file": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
    "a frame longer than the file": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.",
    "a number longer than the file": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "a long number": b"\x80\x02\x8b\xff\xff\x00\x00" + b"\x7f" * 0xFFFF + b".",
    "a buffer longer than the file": b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "marks without end": b"\x80\x02" + b"(" * 5_000_000 + b".",
    "nothing without end": b"\x80\x02" + b"N0" * 3_000_000 + b"N.",
    "lists without end": b"\x80\x02" + b"]" * 5_000_000 + b".",
    "deep lists": b"\x80\x02" + b"]" * 10_000 + b"a" * 9_999 + b".",
    "deep tuples": b"\x80\x02)" + b"\x85" * 1_400_000 + b".",
    "many tuples in tuples": b"\x80\x02)" + b"2\x86" * 180 + b".",
    "a key of many tuples": b"\x80\x02}N" + b"2\x86" * 100 + b"Ns.",
    "a list that contains itself": b"\x80\x02]q\x00h\x00a.",
    "a dictionary that contains itself": b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.",
    "a record that contains itself": b"\x80\x02cargparse\nNamespace\n)\x81q\x00}X\x01\x00\x00\x00ah\x00sb.",
    "a tuple around a list that contains it": b"\x80\x02]q\x00h\x00\x85a.",
    "a name without end": b"\x80\x02c" + b"a" * 1_000_000 + b".",
    "numbers that collide as keys": b"\x80\x02}(" + b"".join(
        b"\x8a\x0c" + (k * (2**61 - 1)).to_bytes(12, "little") + b"N" for k in range(2, 50_000)
    ) + b"u.",
}  # fmt: skip


@pytest.mark.parametrize("bomb", [name for name, data in BOMBS.items() if len(data) < 300_000])
def test_a_small_bomb_costs_little_memory(path: Path, bomb: str) -> None:
    path.write_bytes(BOMBS[bomb])
    tracemalloc.start()
    try:
        sentence(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_costs_little_time(path: Path, bomb: str) -> None:
    path.write_bytes(BOMBS[bomb])
    start = time.process_time()
    sentence(path)
    assert time.process_time() - start < 30


def test_bytes_written_as_text_may_not_grow_by_repetition(path: Path) -> None:
    text = b"X\x00\x00\x20\x00" + b"a" * 0x200000  # 2 MiB
    encode = b"h\x00h\x01h\x02\x86R0"
    data = b"\x80\x02c_codecs\nencode\nq\x000" + text + b"q\x010X\x06\x00\x00\x00latin1q\x020" + encode * 1000 + b"N."
    assert "more than its own size" in sentence(path, data)


def test_strings_of_python_2_are_names_or_data(path: Path) -> None:
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    kind_ = b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    for values in (np.arange(3, dtype="f4"), np.arange(300, dtype="f4")):
        data = b"T" + struct.pack("<I", values.nbytes) + values.tobytes()
        state = b"(K\x01M" + struct.pack("<H", len(values)) + b"\x85" + kind_ + b"\x89" + data + b"tb"
        read = root(path, b"\x80\x02}U\x04name" + array + state + b"s.")
        np.testing.assert_array_equal(read["name"].read().numpy(), values)


def test_arrays_may_not_share_a_text_without_end(path: Path) -> None:
    text = "a" * 100_000
    state = (1, (25_000,), kind(), False, text)
    sentence(path, pickled([Call(ARRAY, Global("numpy", "ndarray"), (0,), b"b", state=state)]))


def test_more_text_than_any_model_has_is_refused(path: Path) -> None:
    piece = b"X\x00\x00\x10\x00" + b"a" * (1 << 20) + b"0"
    assert "more text" in sentence(path, b"\x80\x02" + piece * 65 + b"N.")


@pytest.mark.slow
def test_a_storage_may_not_be_unpacked_again_and_again(path: Path) -> None:
    blob = storage(torch.zeros(4))
    call = b"h\x00h\x01\x85R0"
    data = b"\x80\x03c" + b"\n".join(part.encode() for part in LOAD) + b"\nq\x000"
    data += b"B" + struct.pack("<I", len(blob)) + blob + b"q\x010" + call * 300_000 + b"N."
    assert "more instructions" in sentence(path, data)


def test_one_tensor_may_not_stand_for_all_weights(path: Path) -> None:
    weights = style_weights(z=512, w=512, channels=(4,), layers=30)
    whole = nested(weights, layer_attributes)
    shared = Call(REBUILD, *geometry((512, 512), (512, 1), 512 * 512))
    for index in range(30):
        _state(_state(_state(whole, "_modules")["mapping"], "_modules")[f"fc{index}"], "_parameters")["weight"] = shared
    assert "the same numbers for too many" in sentence(path, nvidia_file(whole))


# --- tensors and arrays that are not what they say ---


@pytest.mark.parametrize(
    ("shape", "stride", "offset", "what"),
    [
        ((2**38,), (0,), 0, "larger than its data"),
        ((2**20, 2**20), (0, 0), 0, "larger than its data"),
        ((5,), (1,), 0, "larger than its data"),
        ((2, 2), (1, 3), 0, "larger than its data"),
        ((2,), (4,), 0, "larger than its data"),
        ((1,), (1,), 4, "larger than its data"),
        ((1,), (1,), -1, "impossible size"),
        ((1,), (1,), 2**63, "impossible size"),
        ((1,), (1,), "0", "without numbers"),
        ((-1,), (1,), 0, "impossible size"),
        ((2,), (-1,), 0, "impossible size"),
        ((2**62,), (1,), 0, "impossible size"),
        ((True,), (1,), 0, "impossible size"),
        ((2.0,), (1,), 0, "impossible size"),
        ((2, 2), (1,), 0, "dimensions"),
        ((1,) * 9, (1,) * 9, 0, "9 dimensions"),
        ((1,) * 100_001, (1,) * 100_001, 0, "100001 dimensions"),
        ("shape", (1,), 0, "dimensions"),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_an_impossible_tensor_is_refused(path: Path, shape: Any, stride: Any, offset: Any, what: str) -> None:
    assert what in sentence(path, pickled({"weight": Call(REBUILD, *geometry(shape, stride, offset=offset))}))


@pytest.mark.parametrize("arguments", [(), (3,), (3, 0, (1,), (1,)), (None,) * 20])
def test_a_tensor_of_something_else_is_refused(path: Path, arguments: tuple[object, ...]) -> None:
    sentence(path, pickled({"weight": Call(REBUILD, *arguments)}))
    sentence(path, pickled({"weight": Call(("torch._utils", "_rebuild_parameter"), *arguments)}))


def test_a_storage_that_is_shorter_than_it_says_is_refused(path: Path) -> None:
    for cut in (1, 8, 16):
        blob = storage(torch.zeros(8))[:-cut]
        assert "longer than what is left" in sentence(path, pickled({"weight": Call(LOAD, blob)}))


def test_a_storage_that_is_longer_than_it_says_is_refused(path: Path) -> None:
    assert "goes on after" in sentence(path, pickled({"weight": Call(LOAD, storage(torch.zeros(8)) + b"\0")}))


def test_a_storage_that_claims_to_be_large_is_refused(path: Path) -> None:
    blob = storage(torch.zeros(8)).replace(b"K\x08N", b"J\x00\x00\x00\x7fN")
    assert "longer than what is left" in sentence(path, pickled({"weight": Call(LOAD, blob)}))


def test_a_storage_of_another_byte_order_is_refused(path: Path) -> None:
    blob = storage(torch.zeros(8))
    place = blob.index(b"little_endian")
    true = blob.index(b"\x88", place)
    assert "order of bytes" in sentence(path, pickled({"w": Call(LOAD, blob[:true] + b"\x89" + blob[true + 1 :])}))


@pytest.mark.parametrize(
    "persistent",
    [
        "text",
        3,
        None,
        (),
        ("storage",),
        ("storage", "os", "0", "cpu", 4),
        ("file", "/etc/passwd"),
        ("storage", Global("torch", "NoStorage"), "0", "cpu", 4),
        ("storage", Global("torch", "FloatStorage"), "0", "cpu", -1),
        ("storage", Global("torch", "FloatStorage"), "../../x", "cpu", 4),
        ("storage", Global("torch", "FloatStorage"), "7", "cpu", 4),
        ("storage", Global("torch", "FloatStorage"), "0", "cpu", True),
        ("storage", Global("torch", "FloatStorage"), "0", "cpu", 2**62),
    ],
)
def test_a_persistent_id_that_is_no_storage_is_refused(path: Path, persistent: object) -> None:
    data = pickled(persistent, 2)[:-1] + b"Q."
    for whole in (zip_of(data), header() + data + pickled([], 2), data):
        sentence(path, whole)


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}, None], object),
        np.array(["text"]),
        np.array([b"bytes"]),
        np.zeros(2, [("a", "f4"), ("b", "i4")]),
        np.array(["2020-01-01"], "M8[D]"),
        np.zeros(2, "V8"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_an_array_of_something_other_than_numbers_is_refused(path: Path, array: Any, protocol: int) -> None:
    assert "something other than numbers" in sentence(path, pickle.dumps({"a": array}, protocol))


ARRAY: Final = ("numpy.core.multiarray", "_reconstruct")
SCALAR: Final = ("numpy._core.multiarray", "scalar")


def kind(name: object = "f4", state: object = (3, "<", None, None, None, -1, -1, 0)) -> Call:
    return Call(("numpy", "dtype"), name, False, True, state=state)


@pytest.mark.parametrize(
    "value",
    [
        Call(ARRAY, Global("numpy", "ndarray"), (0,), b"b", state=(1, (2**40,), kind(), False, b"1234")),
        Call(ARRAY, Global("numpy", "ndarray"), (0,), b"b", state=(1, (-1,), kind(), False, b"")),
        Call(ARRAY, Global("numpy", "ndarray"), (0,), b"b", state=(1, (1,) * 33, kind(), False, b"1234")),
        Call(ARRAY, Global("numpy", "ndarray"), (0,), b"b", state=(1, (1,), kind(), False, [1.0])),
        Call(ARRAY, Global("numpy", "ndarray"), (0,), b"b", state=(1, (1,), "f4", False, b"1234")),
        Call(ARRAY, Global("numpy", "ndarray"), (0,), b"b", state={"__class__": 1}),
        Call(SCALAR, kind("f8"), b"1234"),
        Call(SCALAR, kind(), [1]),
        Call(SCALAR, 1, 2),
        kind("O"),
        kind("f4", (3, "<", ("a", None), ("a",), {"a": 1}, -1, -1, 0)),
        kind("f4", (3, "x", None, None, None, -1, -1, 0)),
        kind("f" * 100_000),
        kind(3),
    ],
)
def test_an_impossible_array_is_refused(path: Path, value: object) -> None:
    sentence(path, pickled({"a": value}))


def test_a_name_that_appears_twice_is_refused(path: Path) -> None:
    assert "'" not in sentence(path, b"\x80\x02}(X\x01\x00\x00\x00aNX\x01\x00\x00\x00aNu.")


# --- zip files ---


def test_a_compressed_record_is_refused(path: Path) -> None:
    assert "is compressed" in sentence(path, rezipped(zipfile.ZIP_DEFLATED))


def test_a_compressed_record_of_a_gigabyte_is_not_unpacked(path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("model/data.pkl", "w") as record:
        for _ in range(64):
            record.write(bytes(1 << 20))
    assert "is compressed" in sentence(path, buffer.getvalue())


@pytest.mark.parametrize("field", range(8, 46, 2))
def test_an_entry_that_lies_is_refused_or_harmless(path: Path, field: int) -> None:
    data = bytearray(zipped({"a": torch.arange(6.0)}))
    place = data.index(b"PK\x01\x02")
    data[place + field] ^= 0x55
    path.write_bytes(data)
    with contextlib.suppress(CheckpointError):
        read_tree(path)


def test_a_record_that_says_it_is_longer_is_refused(path: Path) -> None:
    data = bytearray(zipped({"a": torch.arange(6.0)}))
    place = data.index(b"PK\x01\x02")
    data[place + 20 : place + 28] = struct.pack("<2I", 1 << 30, 1 << 30)
    assert "longer than the file" in sentence(path, bytes(data))


def test_a_record_of_two_sizes_is_refused(path: Path) -> None:
    data = bytearray(zipped({"a": torch.arange(6.0)}))
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 3)
    assert "lies about its size" in sentence(path, bytes(data))


def test_records_that_overlap_are_refused(path: Path) -> None:
    data = bytearray(zipped({"a": torch.arange(6.0), "b": torch.arange(6.0)}))
    names = [data.index(b"/data/" + digit, data.index(b"PK\x01\x02")) for digit in (b"0", b"1")]
    first, second = (data.rindex(b"PK\x01\x02", 0, name) for name in names)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    assert "overlaps" in sentence(path, bytes(data))


def test_a_name_that_appears_twice_in_a_zip_file_is_refused(path: Path) -> None:
    data = bytearray(zipped({"a": torch.arange(6.0), "b": torch.arange(6.0)}))
    place = data.index(b"/data/1", data.index(b"PK\x01\x02"))
    data[place + 6] = ord("0")
    assert "twice" in sentence(path, bytes(data))


def test_a_flipped_bit_in_a_saved_tensor_is_noticed(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"g_ema": rosinality_state(style_weights())}, buffer)
    data = bytearray(buffer.getvalue())
    with zipfile.ZipFile(buffer) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size * ("/data/" in entry.filename))
    data[largest.header_offset + 700] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="are damaged"):
        read_checkpoint(path)


def test_a_flipped_bit_in_the_description_is_noticed(path: Path) -> None:
    data = bytearray(zipped({"some name": torch.zeros(3)}))
    data[data.index(b"some name")] ^= 1
    assert "data.pkl is damaged" in sentence(path, bytes(data))


def test_a_program_of_torchscript_is_refused_as_one(path: Path) -> None:
    entries = {"model/constants.pkl": b"", "model/code/__torch__.py": b"", "model/data.pkl": b"\x80\x02N."}
    assert "TorchScript" in sentence(path, zip_of(entries))


def test_a_program_of_torch_export_is_refused_as_one(path: Path) -> None:
    assert "torch.export" in sentence(path, zip_of({"model/archive_format": b"pt2", "model/models/model.json": b"{}"}))


def test_an_archive_of_arrays_is_told_apart(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), a=np.zeros(3))
    assert "NumPy archive" in sentence(path, path.with_suffix(".npz").read_bytes())


def test_any_other_zip_file_is_told_apart(path: Path) -> None:
    assert "not written by PyTorch (it contains readme.txt)" in sentence(path, zip_of({"readme.txt": b"hello"}))


def test_a_file_of_the_other_byte_order_is_refused(path: Path) -> None:
    entries = {"model/data.pkl": b"\x80\x02N.", "model/byteorder": b"big"}
    assert "order of bytes" in sentence(path, zip_of(entries))


def test_a_tensor_that_is_missing_in_a_zip_file_is_named(path: Path) -> None:
    data = zipped({"a": torch.zeros(3)})
    assert "tensor 0 is missing" in sentence(path, data.replace(b"/data/0", b"/data/9"))


def test_a_description_that_is_too_large_is_refused(path: Path) -> None:
    assert "larger than that of any model" in sentence(path, zip_of({"model/data.pkl": bytes(65 << 20)}))


# --- truncation ---


@pytest.mark.parametrize("container", ["pickle", "zip", "stream"])
def test_a_file_cut_short_anywhere_gets_one_sentence(path: Path, container: str) -> None:
    value = {"weights": tensors()["transposed"], "more": [1, "text", None]}
    match container:
        case "pickle":
            data = pickle.dumps(value, 4)
        case _:
            buffer = io.BytesIO()
            torch.save(value, buffer, _use_new_zipfile_serialization=container == "zip")
            data = buffer.getvalue()
    for length in range(1, len(data), max(1, len(data) // 150)):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError) as raised:
            read_checkpoint(path)
        assert raised.value.message.endswith(".")


# --- helpers ---


def root(path: Path, data: bytes) -> Any:
    path.write_bytes(data)
    return read_tree(path).root


def sentence(path: Path, data: bytes | None = None) -> str:
    """What is said of a file that cannot be read."""
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CheckpointError) as raised:
        read_checkpoint(path)
    message = raised.value.message
    assert path.name in message
    assert message.endswith(".")
    assert message.isprintable()
    assert len(message) < 400
    return message


def tensors() -> dict[str, torch.Tensor]:
    whole = torch.arange(24.0).reshape(4, 6)
    kinds = (
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
    )
    return {
        "plain": whole,
        "transposed": whole.T,
        "part": whole[1:3, ::2],
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "truth": torch.tensor([True, False]),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        **{str(dtype): torch.arange(5).to(dtype) for dtype in kinds},
    }


def assert_same_tensors(read: object, wanted: dict[str, torch.Tensor]) -> None:
    assert isinstance(read, dict)
    assert read.keys() == wanted.keys()
    for name, tensor in wanted.items():
        found = read[name].read()
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor.detach()), name


def storage(tensor: torch.Tensor) -> bytes:
    """A storage as plain pickles hold it."""
    buffer = io.BytesIO()
    torch.save(torch.TypedStorage(wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True), buffer,
               _use_new_zipfile_serialization=False)  # fmt: skip
    return buffer.getvalue()


def header() -> bytes:
    """What an older file of torch begins with."""
    blob = storage(torch.zeros(1))
    return blob[: blob.index(b"\x80\x02(X\x07\x00\x00\x00storage")]


def geometry(
    shape: tuple[object, ...], stride: tuple[object, ...], count: int = 4, offset: object = 0
) -> tuple[object, ...]:
    """Arguments to rebuild a tensor of a storage with ``count`` elements."""
    return (Call(LOAD, storage(torch.zeros(count))), offset, shape, stride, False, {})


def stream(value: object) -> bytes:
    """An older file of torch, without tensors."""
    return header() + pickled(value, 2) + pickled([], 2)


def zip_of(entries: dict[str, bytes] | bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in ({"model/data.pkl": entries} if isinstance(entries, bytes) else entries).items():
            archive.writestr(name, data)
    return buffer.getvalue()


def zipped(value: object) -> bytes:
    """A file of torch, of tensors or of calls."""
    if isinstance(value, dict) and all(isinstance(each, torch.Tensor) for each in value.values()):
        buffer = io.BytesIO()
        torch.save(value, buffer)
        return buffer.getvalue()
    return zip_of(pickled(value, 2))


def rezipped(method: int) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(zipped({"a": torch.zeros(100)}))) as old,
        zipfile.ZipFile(buffer, "w", method) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return buffer.getvalue()


def _call_of_a_value() -> Call:
    call = Call(("collections", "OrderedDict"))
    call.of = "text"  # type: ignore[assignment]
    return call


def _state(record: Any, name: str) -> Any:
    return record.args[0]["state"][name]
