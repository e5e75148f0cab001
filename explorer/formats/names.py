"""Which names a pickle may mention, and what is made of them. No name is ever looked up in Python.

A few pairs of module and name stand for plain data and are rebuilt here (see ``pickles.py``). Classes of any other
program become inert records. What only a program would call, or nobody but an attacker, ends the reading.
"""

from __future__ import annotations

from typing import Final

from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import Name

__all__ = ["DICTIONARIES", "checked_name", "is_function", "is_opaque"]

DICTIONARIES: Final = frozenset(
    {
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "Counter"),
        ("builtins", "dict"),
        ("dnnlib.util", "EasyDict"),
        ("dnnlib", "EasyDict"),
        ("easydict", "EasyDict"),
        ("addict.addict", "Dict"),
    }
)

# Python 2 has other names for the same modules.
RENAMED: Final = {"__builtin__": "builtins", "copy_reg": "copyreg", "UserDict": "collections"}

BUILTINS: Final = frozenset(
    ("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
     "slice", "str", "tuple", "unicode")
)  # fmt: skip

# Modules whose mention in a model can only mean harm: they run programs, load code or touch files.
HARMFUL: Final = frozenset(
    """
    _frozen_importlib _io _pickle _posixsubprocess _socket _thread antigravity asyncio bdb builtins cgi cloudpickle code
    codeop commands concurrent ctypes dill distutils ensurepip faulthandler ftplib gc glob http imaplib imp importlib
    inspect io jinja2 joblib linecache logging mailcap marshal mmap multiprocessing nt ntpath operator os pdb pexpect
    pickle pip pkgutil platform popen2 posix posixpath profile pstats pty pydoc requests resource runpy setuptools
    shelve shutil signal site smtplib socket socketserver sqlite3 ssl subprocess sys sysconfig tarfile telnetlib
    tempfile threading timeit trace turtle urllib urllib2 urllib3 venv webbrowser winreg xmlrpc zipapp
    zipfile zipimport
    """.split()  # noqa: SIM905 - a list would take two screens
)
HARMFUL_PARTS: Final = (
    ("torch", "hub"), ("torch", "jit"), ("torch", "package"), ("torch", "serialization"), ("torch", "load"),
    ("torch", "ops"), ("torch", "_inductor"), ("torch", "_dynamo"), ("torch", "fx"),
    ("numpy", "f2py"), ("numpy", "testing"), ("numpy", "distutils"), ("numpy", "load"), ("numpy", "ctypeslib"),
)  # fmt: skip

# Functions that only make a value. What they make is an inert record here.
HARMLESS: Final = frozenset(
    {
        ("torch", "device"),
        ("torch", "dtype"),
        ("torch", "storage"),
        ("datetime", "datetime"),
        ("datetime", "date"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("collections", "deque"),
        ("copyreg", "_reconstructor"),
        ("functools", "partial"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("numpy.random._pickle", "__generator_ctor"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random", "__RandomState_ctor"),
    }
)
HARMLESS_PREFIXES: Final = ("_rebuild_", "_unpickle", "_reconstruct")

# Settings whose objects point back at what holds them. Their content is dropped, as nothing here reads it.
OPAQUE: Final = ("omegaconf", "hydra", "pytorch_lightning", "lightning", "lightning_fabric", "wandb")


def checked_name(module: object, name: object, place: int) -> Name:
    """The name of a class or function, if a model may mention it.

    Raises:
        Refusal: it is no name, or one of code that could do harm.
    """
    if not (isinstance(module, str) and isinstance(name, str)) or not module or not name:
        raise Refusal("it is damaged: one of its names is not text", place)
    module = RENAMED.get(module, module)
    if "." in name:
        raise Refusal(f"it asks for {shown(name)} inside of {shown(module)}", place, is_attack=True)
    parts = module.split(".")
    pair = (parts[0], parts[1] if len(parts) > 1 else name)
    is_data = module == "builtins" and name in BUILTINS
    if (parts[0] in HARMFUL and not is_data) or pair in HARMFUL_PARTS:
        raise Refusal(f"it asks to run {shown(name)} of {shown(module)}", place, is_attack=True)
    return Name(module, name)


def is_function(name: Name) -> bool:
    """Whether the name is that of a function this program does not know, as far as names can tell."""
    if (name.module, name.name) in HARMLESS or name.module == "builtins":
        return False
    return not name.name.lstrip("_")[:1].isupper() and not name.name.startswith(HARMLESS_PREFIXES)


def is_opaque(module: str) -> bool:
    """Whether objects of this module are kept without their content."""
    return module.split(".")[0] in OPAQUE
