"""Pip's own reader of requirement files and pinstall's, side by side, release by release."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shlex
import subprocess
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pinstall.formats import urls as links
from pinstall.request import lines as line_options
from pinstall.request import requirements
from pinstall.request.reading import content, resolve
from tests.support.pips import pip_wheel, python_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pinstall.model.inputs import Option, RequirementFile, RequirementLine

pytestmark = pytest.mark.contract

RELEASES: Final = ("22.3.1", "24.3.1", "26.3")
ENVIRON: Final = {"NAME": "demo", "VERSION": "1.0", "TOKEN": "se-cret", "SPACED": "demo --pre", "lower": "demo"}

# A nested file is noted, not read: `test_nested_files...` follows them. Only the first fault of a text is known to pip.
PIP: Final = """
import json, logging, optparse, os, sys, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from pip._internal.cli.cmdoptions import use_new_feature
from pip._internal.models.format_control import FormatControl
from pip._internal.models.search_scope import SearchScope
from pip._internal.req import req_file
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_install import check_invalid_constraint_type
try:
    from pip._internal.models.release_control import ReleaseControl
except ImportError:
    ReleaseControl = lambda *_: None


class Finder:
    def __init__(self):
        self.search_scope = SearchScope.create(find_links=[], index_urls=["https://pypi.org/simple"], **SCOPE)
        self.format_control, self.release_control = FormatControl(set(), set()), ReleaseControl(set(), set())
        self.prefer_binary = self.pre = False

    find_links = property(lambda self: self.search_scope.find_links)
    index_urls = property(lambda self: self.search_scope.index_urls)

    def set_allow_all_prereleases(self):
        self.pre = True

    def set_prefer_binary(self):
        self.prefer_binary = True

    def set_release_control(self, control):
        self.release_control = control


SCOPE = {"no_index": False} if "no_index" in SearchScope.create.__code__.co_varnames else {}


class Session:
    def __init__(self):
        self.hosts = []

    def add_trusted_host(self, host, source=None):
        self.hosts.append(host)

    def update_index_urls(self, urls):
        pass


nested = []


def without_nested(self, filename, constraint, *_):
    for line in self._parse_file(filename, constraint):
        files = line.opts.requirements or line.opts.constraints
        if files and getattr(line, "requirement", None) is None:
            nested.append([line.lineno, files[0], not line.opts.requirements])
        else:
            yield line


def requirement(parsed):
    ireq = install_req_from_parsed_requirement(parsed, user_supplied=True)
    if ireq.constraint and check_invalid_constraint_type(ireq):
        raise ValueError("not a constraint")
    return {
        "line": int(parsed.comes_from.rpartition("line ")[2].rstrip(")")),
        "name": ireq.name,
        "extras": sorted(ireq.extras),
        "specifier": str(ireq.req.specifier) if ireq.req else "",
        "marker": str(ireq.markers) if ireq.markers else None,
        "link": ireq.link.url if ireq.link else None,
        "fragment": [ireq.link.hash_name, ireq.link.hash] if ireq.link and ireq.link.hash else None,
        "editable": ireq.editable,
        "constraint": ireq.constraint,
        "options": parsed.options or {},
    }


def control(value, *names):
    return {name: sorted(getattr(value, name)) for name in names if hasattr(value, name)}


def state(finder, session, options):
    scope = finder.search_scope
    return {
        "index_urls": scope.index_urls,
        "find_links": scope.find_links,
        "no_index": getattr(scope, "no_index", False),
        "hosts": session.hosts,
        "prefer_binary": finder.prefer_binary,
        "pre": finder.pre,
        **vars(options),
        **control(finder.format_control, "no_binary", "only_binary"),
        **control(finder.release_control, "all_releases", "only_final"),
    }


def read(text, constraint):
    with open("r.txt", "wb") as file:
        file.write(text.encode("latin-1"))
    del nested[:], use_new_feature.keywords["default"][:]
    finder, session = Finder(), Session()
    options = optparse.Values({"require_hashes": False, "no_require_hashes": False, "features_enabled": []})
    try:
        lines = req_file.parse_requirements("r.txt", session, finder=finder, options=options, constraint=constraint)
        found = [requirement(parsed) for parsed in lines]
    except Exception as error:
        return {"error": "{}: {}".format(type(error).__name__, error)}
    return {"lines": found, "nested": list(nested), **state(finder, session, options)}


def follow(text, constraint):
    session = Session()
    lines = req_file.parse_requirements(text, session, finder=Finder(), options=None, constraint=constraint)
    return [[parsed.requirement, parsed.constraint, parsed.comes_from] for parsed in lines]


asked = json.load(sys.stdin)
walk = req_file.RequirementsFileParser._parse_and_recurse
answers = [follow(*one) for one in asked["follow"]]
req_file.RequirementsFileParser._parse_and_recurse = without_nested
json.dump({"follow": answers, "read": [read(*one) for one in asked["read"]]}, sys.stdout)
"""


class Text(NamedTuple):
    """One requirement file: its bytes as Latin-1, and what it is read as."""

    text: str
    constraint: bool = False


H: Final = "sha256:" + "ab" * 32
SHA: Final = "0123456789abcdef0123456789abcdef01234567"
WHEEL: Final = "demo-1.0-py3-none-any.whl"
MARK: Final = 'python_version > "3"'

REQUIREMENTS: Final = f"""
demo
Demo.Name_X
demo==1.0
demo == 1.0
demo===1.0
demo===1.0-custom
demo==1.0+local.1
demo==1!2.0
demo==1.*
demo==1.0.post1.dev2
demo~=1.4.2
demo>=1,<2,!=1.5
demo (==1.0)
demo (>=1,<2)
demo==1.0;python_version>"3"
demo==1.0 ; {MARK}
demo ; {MARK} and (os_name == 'posix' or extra == "x")
demo;
demo ; nonsense
demo ; python_version
demo ; python_version >
demo ; python_version > "3
demo[a]
demo[A,b-c,D_e]==1.0
demo[a] ; {MARK}
demo[]
demo[a
demo[a b]
demo[,a]
demo[a]x
demo==1.0[a]
demo>=1.0 [a]
demo =1.0
demo=1.0
demo>
demo==
demo==1.0 2.0
demo 1.0
demo==1.0,
demo==one
demo!=1.*
demo>=1.*
-demo
_demo
demo-
d
1
demo@
demo @ https://h/{WHEEL}
demo@https://h/demo-1.0.tar.gz
demo@https://h/demo-1.0.tar.gz ; {MARK}
demo @ https://h/x.zip;{MARK}
demo[a,B] @ https://h/x.zip#{H.replace(":", "=")}
demo @ https://h/x#md5=abc
demo @ https://u:p@h/x-1.tar.gz#egg=other&subdirectory=sub
demo @ file:///tmp/x-1.tar.gz
demo @ git+https://h/r.git@{SHA}
demo @ git+https://h/r.git@{SHA}#subdirectory=s
demo @ git+ssh://git@h/o/r.git@main ; {MARK}
demo @ https://h/p[x]
https://h/{WHEEL}
https://h/{WHEEL}#{H.replace(":", "=")}
https://h/{WHEEL} ; {MARK}
https://h/{WHEEL};{MARK}
https://h/a%2Bb/{WHEEL.replace("1.0", "1.0%2Blocal")}
https://h/demo.whl
https://h/demo-1.0.whl
https://h/demo-1.0-1build-py3-none-any.whl
https://h/demo-x-py3-none-any.whl
https://h/demo-1.0.tar.gz
https://h/demo-1.0.tar.gz#egg=demo
https://h/demo-1.0.zip#sha512=00AB&egg=demo
https://h/demo-1.0.zip#egg=demo&sha1=00ab
https://h/demo
https://h/demo/
HTTPS://h/demo-1.0.zip
https:/h
http://[h/demo-1.0.zip
ftp://h/demo-1.0.zip
gopher://h/demo-1.0.zip
file:///tmp/{WHEEL}
file:///tmp/demo-1.0.tar.gz#egg=demo
file:demo-1.0.tar.gz
git+https://h/r.git
git+https://h/r.git@{SHA}#egg=demo
git+https://u:{"{"}TOKEN{"}"}@h/r.git#egg=demo
git+https://h/r.git@v1#egg=demo[a]&subdirectory=s
git+https://h/r.git#egg=demo==1.0
git+https://h/r.git#egg=
git+https://h/r.git#egg=de mo
git+file:///tmp/r#egg=demo ; {MARK}
git+git@h:o/r.git#egg=demo
git+ftp://h/r#egg=demo
hg+https://h/r@{SHA}#egg=demo
svn+ssh://u@h/r@12#egg=demo
bzr+lp:r#egg=demo
./pkg
./pkg ; {MARK}
./pkg[a,B]
./pkg/
pkg/
./pkg[a b]
.
..
./absent
./{WHEEL}
{WHEEL}
{WHEEL}[a] ; {MARK}
./{WHEEL}[a]
absent-1.0-py3-none-any.whl
demo-1.0.tar.gz
sub.d/demo-1.0.zip
demo.tar
demo.TAR.GZ
demo.tar.tar
demo.tar.zip
demo.egg
demo.tgz
.tar.gz
a@b.zip
demo @ x.zip
./a@b.zip
demo.whl
demo==1.0/2
${"{"}NAME{"}"}==${"{"}VERSION{"}"}
${"{"}lower{"}"}
${"{"}UNSET{"}"}
$NAME
${"{"}SPACED{"}"}
demo#comment
demo # comment
demo\t# comment
demo --hash={H}
demo --hash {H}
demo  --hash={H}   --hash={H.replace("ab", "cd")}
demo\t--hash={H}
demo \t--hash={H}
demo --hash={H}\t--hash={H.replace("ab", "cd")}
demo --hash={H.upper().replace("SHA", "sha")}
demo --hash={H}--hash={H}
demo --hash=sha256:
demo --hash=sha256:nothex
demo --hash=sha256
demo --hash=md5:ab
demo --hash=sha1:ab
demo --hash=SHA256:ab
demo --hash
demo --hash=
demo --has={H}
demo "--hash={H}"
demo --hash="{H}"
demo --hash='{H}
demo --hash={H} trailing words
demo --hash={H} ; {MARK}
demo ; {MARK} --hash={H}
demo==1.0 --hash={H} -U
demo --no-deps
demo --config-settings a=b
demo --config-settings=a=b --config-settings a=c
demo -C a=b
demo -Ca=b
demo -C=a=b
demo --config-settings a
demo --config-setting "a=b c"
demo --global-option=--x --global-option "--y z"
demo --install-option="--prefix=/x"
demo --index-url https://h/simple
demo --no-binary demo
demo --no-binary=:all: --only-binary x,Y_z
demo --require-hashes
demo -r other.txt
demo - x
demo -- --bogus
--hash={H}
--hash={H} demo
-e ./pkg
-e pkg
-e ./pkg[a,B]
-e.
-e=./pkg
-e ./pkg ; {MARK}
-e "./pkg ; {MARK}"
-e ./pkg --hash={H}
-e ./pkg -C a=b --global-option=x
-e ./absent
-e demo
-e demo==1.0
demo -e ./pkg
-e ./pkg -e ./pkg2
-e git+https://h/r.git#egg=demo
-e git+https://h/r.git
-e git+https://h/r.git#egg=demo[a]
-e "demo @ git+https://h/r.git@{SHA} ; {MARK}"
-e "demo[a] @ git+https://h/r.git"
-e demo @ git+https://h/r.git
-e "demo @ https://h/r.zip"
-e "demo @ ./pkg"
-e git://h/r#egg=demo
-e hg://h/r#egg=demo
-e https://h/demo-1.0.tar.gz#egg=demo
-e file:///tmp/demo#egg=demo
-e file:///tmp/demo[a]
-e ""
-e
--editable=./pkg
--edit ./pkg
"""

OPTIONS: Final = f"""
-i https://h/simple
-ihttps://h/simple
-i=https://h/simple
-i  https://h/simple
-i\thttps://h/simple
--pre\t--no-index \t -f x
--index-url https://u:p@h/simple
--index-url=https://h/simple
--index https://h/simple
--in https://h/simple
--pypi-url=https://h/simple
--pypi https://h/simple
--extra-index-url https://h/a --extra-index-url https://h/b
--extra https://h/a -i https://h/b
-i https://h/a -i https://h/b
--no-index
--no-index=1
--no-index --extra-index-url https://h/a
--no-i
--no-
--no-b demo
-f https://h/links -f other
-fhttps://h/links
--find-links=absent
--find
--no-binary demo,Other_Name
--no-binary :all: --only-binary demo
--no-binary=:none:
--no-binary -x
--no-binary
--no-binary "a b"
--only-binary=:all:
--only demo
--on demo
--prefer-binary
--prefer
--pre
--pr
--pre x
--pre=1
--require-hashes
--require-hashes demo
--requirement other.txt
--requirement=other.txt
--require other.txt
--requirem other.txt
-r other.txt
-rother.txt
-r=other.txt
-r "other file.txt"
-r other.txt -r more.txt
-r other.txt --pre
-r other.txt --no-binary demo
-r other.txt -c more.txt
-c other.txt
-cother.txt --require-hashes
--constraint=https://h/c.txt
--con other.txt
--co other.txt
-r
-r ""
-c -r
--trusted-host h --trusted-host h:8080
--trusted h
--use-feature fast-deps
--use-feature=fast-deps --use-feature fast-deps
--use-feature
--no-require-hashes
--no-re
--all-releases demo --only-final other
--all-releases=:all:
--all-releases -x
--al demo
-U
-Ui https://h
--no-deps
--bogus
--bogus=x
-
--
-- --bogus
--=x
-x
--pre "unclosed
--pre don't
-e ./pkg -r other.txt
--config-settings a=b
--global-option=x
--h={H}
--process-dependency-links
--pre \\x -i a\\ b
"""

FILES: Final = (
    "",
    "\n\n  \n\t\n",
    "# only a comment",
    "   # indented comment\ndemo",
    "demo\\\n==1.0",
    "demo \\\n# comment\n==1.0",
    "demo \\\n  # comment",
    "demo==1.0 \\\n    --hash=" + H + " \\\n    --hash=" + H.replace("ab", "cd") + "\n\nother==2 --hash=" + H,
    "demo==1.0 \\\n    --hash=" + H + " \\\n    # via x\nother",
    "demo==1.0 \\\n    --hash=" + H + " # via x \\\nother",
    "demo\\",
    "demo \\\n",
    "demo \\\n\nother",
    "demo\\\\\n==1.0",
    "\\demo\n\\\\\nother",
    "\\\ndemo",
    "demo \\ \nother",
    "demo ; " + MARK + " \\\n --hash=" + H,
    "a\r\nb\rc\nd",
    "a\r\n\\\r\nb",
    "a\x0bb\x0cc\x1cd",
    "a\x1fb",
    "demo --hash=" + H + "\x1f--hash=" + H,
    "demo --hash=" + H + "\x1f",
    "demo\x1f --pre",
    "a\n# c \\\nb",
    "a # c \\\nb",
    "a #\\\nb",
    "-i https://h/1\na\n-i https://h/2\n--extra-index-url https://h/3\nb",
    "--extra-index-url https://h/3\n-i https://h/2",
    "--no-index\n-i https://h/2\n-f x\n",
    "--no-binary a,b\n--only-binary b\nc --no-binary d\n-r x --only-binary d",
    "--all-releases a,b\n--only-final b\nc --only-final d",
    "--pre\n--prefer-binary\n--trusted-host a\n--trusted-host b",
    "--use-feature fast-deps\n--use-feature fast-deps",
    "-r a.txt\ndemo\n-c b.txt\n-r c.txt",
    "demo\nother ==\nthird",
    "\xef\xbb\xbfdemo==1.0",
    "\xef\xbb\xbf# -*- coding: latin-1 -*-\ndemo # \xc3\xa9",
    "# -*- coding: latin-1 -*-\ndemo # \xe9",
    "demo\n# vim: set fileencoding=latin-1 :\nother # \xe9",
    "demo\nother\n# coding: latin-1\nthird",
    " # coding: no-such-codec\ndemo",
    "# coding: no-such-codec\ndemo",
    "# coding: rot13\nqrzb",
    "demo # \xe9",
    "demo # \xc3\xa9",
    "d\xc3\xa9mo",
    "demo --config-settings \xc3\xa9=\xc3\xbc",
    "\xff\xfed\x00e\x00m\x00o\x00\n\x00x\x00",
    "\xfe\xff\x00d\x00e\x00m\x00o",
    "\xff\xfe\x00\x00d\x00\x00\x00",
    "\xff\xfed",
    "demo\x00",
    "demo \xc2\xa0--pre",
    "demo\xc2\xa0",
)

CONSTRAINTS: Final = (
    "demo==1.0",
    "demo>=1 ; " + MARK,
    "demo[a]==1.0",
    "demo @ https://h/x.zip",
    "demo[a] @ https://h/x.zip",
    "https://h/" + WHEEL,
    "https://h/demo-1.0.tar.gz",
    "https://h/demo-1.0.tar.gz#egg=demo",
    "git+https://h/r.git#egg=demo",
    "git+https://h/r.git#egg=demo[a]",
    "git+https://h/r.git",
    "./pkg",
    "-e ./pkg",
    "-e git+https://h/r.git#egg=demo",
    "./" + WHEEL,
    "demo==1.0 --hash=" + H,
    "-r more.txt\n-c even.txt",
    "--pre\n-i https://h/simple",
)


def texts() -> list[Text]:
    """Return every text: each line alone, whole files, constraint files, and what a fixed seed makes of a grammar."""
    alone = [line for line in (REQUIREMENTS + OPTIONS).split("\n") if line]
    found = [Text(text) for text in (*alone, *FILES)]
    found += [Text(text, constraint=True) for text in CONSTRAINTS]
    return found + list(generated(random.Random(26)))


NAMES: Final = ("demo", "Demo_Name", "a.b-c", "x1", "demo-", "$x", "${NAME}")
EXTRAS: Final = ("", "", "", "[a]", "[A,b_c]", "[]", "[a", "[a,]")
VERSIONS: Final = ("", "==1.0", " == 1.0", ">=1,<2", "~=1.2", "===1.0", "=1", "==1.*", "== ", "==${VERSION}", "<1.0,")
LINKS: Final = (
    "",
    "",
    "",
    "",
    " @ https://h/x-1.zip",
    "@git+https://u:p@h/r@" + SHA,
    " @ https://h/x#sha256=" + "cd" * 32,
    " @ ",
)
MARKERS: Final = ("", "", "", " ; " + MARK, ";os_name=='posix'", "; bogus", " ;", " ; extra == 'x' and " + MARK)
TAILS: Final = (
    "",
    "",
    "",
    " --hash=" + H,
    " --hash=" + H + " --hash " + H.replace("a", "0"),
    "\t--hash=" + H,
    " --hash=sha512:00",
    " --hash=md5:00",
    " -C a=b",
    " --config-s 'a=b c'",
    " --pre",
    " --no-binary x",
    " --bogus",
    " # comment",
    " -- x",
    " 'x",
)
JOINTS: Final = ("\n", "\n", "\n", "\n\n", " \\\n", "\\\n", "\r\n", "\n# c\n", " # c\n", " \\\n# c\n", "\n-e ./pkg\n")


def generated(chance: random.Random) -> Iterator[Text]:
    """Yield a few hundred files, some right, some slightly broken."""
    parts = (NAMES, EXTRAS, VERSIONS, LINKS, MARKERS, TAILS)
    lines = [line for line in (REQUIREMENTS + OPTIONS).split("\n") if line]
    for _ in range(600):
        # Few parts at once, or nearly everything is refused.
        chosen = chance.sample(range(1, len(parts)), k=chance.randint(1, 3))
        line = "".join(chance.choice(part) for at, part in enumerate(parts) if at == 0 or at in chosen)
        yield Text(line, constraint=chance.random() < 0.1)
    for _ in range(300):
        count = chance.randint(2, 4)
        yield Text("".join(chance.choice(lines) + chance.choice(JOINTS) for _ in range(count)))


class Pip(NamedTuple):
    """What one pip release makes of all texts, and the folder that it stood in."""

    release: str
    folder: Path
    read: list[dict[str, Any]]
    follow: list[list[list[Any]]]


@pytest.fixture(scope="module", params=RELEASES)
def pip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pip:
    """Return the answers of one pip release, asked in one process."""
    python = python_for(request.param)
    if python is None:
        pytest.skip(f"no Python for pip {request.param}")
    folder = furnished(tmp_path_factory.mktemp("files"))
    asked = {"read": texts(), "follow": [["top.txt", False], ["top.txt", True]]}
    answer = subprocess.run(
        [python, "-c", PIP, pip_wheel(request.param)],
        input=json.dumps(asked),
        env={**ENVIRON, "PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Pip(release=request.param, folder=folder, **json.loads(answer.stdout))


def furnished(folder: Path) -> Path:
    """Make what the paths in the texts name, and the files that `top.txt` includes."""
    for name in ("pkg", "pkg2", "sub.d"):
        (folder / name).mkdir()
        (folder / name / "pyproject.toml").touch()
    for name in ("pyproject.toml", WHEEL, "sub.d/demo-1.0.zip"):
        (folder / name).touch()
    (folder / "top.txt").write_text("top\n-r sub.d/more.txt\n-c sub.d/limits.txt\n")
    (folder / "sub.d" / "more.txt").write_text("more\n-r ../last.txt\n-c limits.txt")
    (folder / "sub.d" / "limits.txt").write_text("limit\n-r more2.txt\n")
    (folder / "sub.d" / "more2.txt").write_text("\nmore2")
    (folder / "last.txt").write_text("last")
    return folder


# --- what both make of them -------------------------------------------------------------------------------------------

REFUSED_BY_PIP_ALONE: Final = {
    "options come and go: what any release takes, the release that reads it may refuse": (
        r"no such option: (-C|--config-s\S*|--global-option|--install-option|--no-re\S*|--al\S*|--only-final)\b"
        r"|ambiguous option: --(only|on|pr|con|co|in) "
    ),
    "whether a path exists, and holds a project, is left to pip": (
        r"(?s)^(?!.*://).*(It looks like a path|is not installable|is not a valid editable requirement)"
        r"|'(\./absent|git\+git@h:\S*|demo==1\.0/2)': Expected"
    ),
    "`-e 'NAME @ URL'` came with 25.0": r"demo(\[a\])? @ git\+\S+( ; .*)? is not a valid editable",
    "egg fragments with extras or versions were right until 26.0": r"InvalidEggFragment",
    "wheel names with any version were right until 25.1": r"InvalidWheelFilename: .*version|'demo==x'",
    "a requirement in front of `-e` is editable since 25.0, and goes to pip unread": (
        r"(?s)InvalidMarker: .*(nonsense|python_version > \"3)"
    ),
    "22.3 has the packaging of before 22.0: no comma at the end, only absolute URLs": (
        r"'[\w.-]+(==|<)1\.0,' \(from|'(a@b|demo @ x)\.zip' \(from"
    ),
    "until 24.x UTF-32 was taken for UTF-16": r"Invalid requirement: '\\x00d\\x00'",
}
"""Why pinstall says nothing where pip refuses a text: each a pattern of pip's message."""

LEGACY: Final = re.compile(r"[<>=]=?\s*(\n|$|;|@|--|#)|==one|>=1\.\*|==1\.0/2")
"""Until 24.0 any text was a version, even none: the only texts of a pip that pinstall refuses or takes for a path."""

STRAY: Final = "`--hash` belongs to no requirement"
"""What pip, if it says anything of it, calls ignored."""


def ours(text: Text) -> RequirementFile:
    """Return what pinstall reads."""
    return requirements.read(text.text.encode("latin-1"), file="r.txt", constraint=text.constraint, environ=ENVIRON)


def test_what_pip_accepts_has_no_fault(pip: Pip) -> None:
    for text, answer in zip(texts(), pip.read, strict=True):
        if "error" not in answer and not (pip.release == "22.3.1" and LEGACY.search(text.text)):
            assert not [fault for fault in ours(text).faults if STRAY not in fault.message], text


def test_what_pip_refuses_has_a_fault(pip: Pip) -> None:
    unexplained = {
        text.text: answer["error"]
        for text, answer in zip(texts(), pip.read, strict=True)
        if "error" in answer and not ours(text).faults
        if not any(re.search(pattern, answer["error"]) for pattern in REFUSED_BY_PIP_ALONE.values())
    }
    assert unexplained == {}


def test_most_texts_are_accepted(pip: Pip) -> None:
    assert sum("error" not in answer for answer in pip.read) > 500


def test_each_requirement_is_read_as_pip_reads_it(pip: Pip) -> None:
    for text, answer in agreed(pip):
        lines = ours(text).lines
        if any(line.editable > one["editable"] for line, one in zip(lines, answer["lines"], strict=True)):
            # Of `demo -e ./pkg` older releases see `demo`; read as editable it is left to pip.
            assert pip.release != "26.3"
            continue
        theirs = [in_our_terms(one, pip.folder) for one in answer["lines"]]
        assert [in_pips_terms(line, pip) for line in lines] == theirs, text
        for line, one in zip(lines, answer["lines"], strict=True):
            assert same_name(line, one["name"]), text
            assert line.link or str(line.specifier) == in_order(one["specifier"]), text


def test_each_nested_file_is_named_as_pip_names_it(pip: Pip) -> None:
    for text, answer in agreed(pip):
        nested = [[one.origin.line, one.target, one.constraint] for one in ours(text).nested]
        assert nested == answer["nested"], text


def test_the_options_of_a_file_do_to_the_run_what_they_do_to_pip(pip: Pip) -> None:
    for text, answer in agreed(pip):
        expected = {key: answer[key] for key in State.__annotations__ if key in answer}
        found = vars(state(ours(text).options, pip.release))
        assert {key: found[key] for key in expected} == expected, text


def test_nested_files_are_followed_as_pip_follows_them(pip: Pip) -> None:
    """Also what a requirement file inside a constraint file holds: requirements."""

    def walk(where: str, *, constraint: bool) -> Iterator[tuple[int, str, bool]]:
        file = requirements.read(
            content(str(pip.folder / where), lambda _: b""), file=where, constraint=constraint, environ={}
        )
        found: list[tuple[int, Iterator[tuple[int, str, bool]]]] = [
            (line.origin.line or 0, iter([(line.origin.line or 0, line.text, line.constraint)])) for line in file.lines
        ]
        for nested in file.nested:
            inner = resolve(nested.target, str(pip.folder / where))
            found.append((nested.origin.line or 0, walk(inner, constraint=nested.constraint)))
        for _, entries in sorted(found, key=lambda one: one[0]):
            yield from entries

    for constraint, theirs in zip((False, True), pip.follow, strict=True):
        mine = [[text, nested, line] for line, text, nested in walk("top.txt", constraint=constraint)]
        assert mine == [[text, nested, int(came[came.rindex(" ") :][:-1])] for text, nested, came in theirs]


def agreed(pip: Pip) -> Iterator[tuple[Text, dict[str, Any]]]:
    """Yield what both accept."""
    for text, answer in zip(texts(), pip.read, strict=True):
        legacy = pip.release == "22.3.1" and LEGACY.search(text.text)
        if "error" not in answer and not legacy and not ours(text).faults:
            yield text, answer


def in_our_terms(one: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what pip says of a requirement, names canonical and hashes in one place."""
    options = dict(one["options"])
    hashes = {f"{name}:{digest.lower()}" for name, every in options.pop("hashes", {}).items() for digest in every}
    name, digest = one["fragment"] or ("md5", "")
    # Until 22.x the digest went on to the end of the fragment.
    hashes |= {f"{name}:{digest.partition('&')[0].lower()}"} if name != "md5" else set()
    settings = options.get("config_settings", {})
    options["config_settings"] = {key: [value] if isinstance(value, str) else value for key, value in settings.items()}
    return {
        "line": one["line"],
        "extras": sorted({canonicalize_name(extra) for extra in one["extras"]}),
        "marker": one["marker"],
        "link": one["link"],
        "editable": one["editable"],
        "constraint": one["constraint"],
        "hashes": sorted(hashes),
        "options": {key: value for key, value in options.items() if value},
    }


def in_pips_terms(line: RequirementLine, pip: Pip) -> dict[str, Any]:
    """Return our line as pip has it: paths as URLs, options parsed; only today's pip keeps `demo -e x` editable."""
    link = line.link
    if link and not links.is_url(link) and not re.match(r"[\w.-]+ *(\[.*\])? *@", line.text):
        link = "file://" + urllib.request.pathname2url(os.path.normpath(pip.folder / link))
    options: dict[str, Any] = {}
    for given, _ in line_options.read(shlex.join(line.options), line.origin):
        if given.dest == "config_settings":
            key, _, value = (given.value or "").partition("=")
            options.setdefault(given.dest, {}).setdefault(key, []).append(value)
        else:
            options.setdefault(given.dest, []).append(given.value)
    return {
        "line": line.origin.line,
        "extras": sorted(line.extras),
        "marker": str(line.marker) if line.marker else None,
        "link": link,
        "editable": line.editable,
        "constraint": line.constraint,
        "hashes": sorted(line.hashes),
        "options": options,
    }


def same_name(line: RequirementLine, theirs: str | None) -> bool:
    """Return whether the names are one, or ours comes from the file name of an sdist, which pip does not ask.

    A wheel name with no version in it, which pip took until 25.0, tells us nothing.
    """
    if theirs is None:
        return line.name is None or links.is_archive(links.file_name(line.link or ""))
    return line.name == canonicalize_name(theirs) or (line.name is None and "/demo-x-" in (line.link or ""))


def in_order(specifier: str) -> str:
    return str(SpecifierSet(specifier))


@dataclass
class State:
    """What the options of a file have done to pip's finder, session and options."""

    index_urls: list[str]
    find_links: list[str]
    no_index: bool
    hosts: list[str]
    prefer_binary: bool
    pre: bool
    require_hashes: bool
    no_require_hashes: bool
    features_enabled: list[str]
    no_binary: list[str]
    only_binary: list[str]
    all_releases: list[str]
    only_final: list[str]


def state(options: Iterable[Option], release: str) -> State:
    """Return what our options come to by pip's rules, line by line."""
    controls: dict[str, set[str]] = {
        "no_binary": set(),
        "only_binary": set(),
        "all_releases": set(),
        "only_final": set(),
    }
    result = State(["https://pypi.org/simple"], [], False, [], False, False, False, False, [], [], [], [], [])
    for _, group in itertools.groupby(options, key=lambda option: option.origin.line):
        line = list(group)
        every = {dest: [one.value or "" for one in line if one.dest == dest] for dest in {one.dest for one in line}}
        if "no_index" in every:
            result.no_index, result.index_urls = True, []
        if not result.no_index:
            result.index_urls = every.get("index_url", [])[-1:] or result.index_urls
            result.index_urls = result.index_urls + every.get("extra_index_urls", [])
        result.find_links += every.get("find_links", [])
        result.hosts += every.get("trusted_hosts", [])
        result.features_enabled = list(dict.fromkeys(result.features_enabled + every.get("features_enabled", [])))
        for flag in ("prefer_binary", "pre", "require_hashes", "no_require_hashes"):
            setattr(result, flag, getattr(result, flag) or flag in every)
        for one in line:
            if one.dest in {"format_control", "release_control"}:
                target = one.name.lstrip("-").replace("-", "_")
                other = OPPOSITES[target]
                exclude(one.value or "", controls[target], controls[other])
    if result.pre and release == "26.3":
        controls["all_releases"].add(":all:")
        result.pre = False
    for name, projects in controls.items():
        setattr(result, name, sorted(projects))
    return result


OPPOSITES: Final = {
    "no_binary": "only_binary",
    "only_binary": "no_binary",
    "all_releases": "only_final",
    "only_final": "all_releases",
}


def exclude(value: str, target: set[str], other: set[str]) -> None:
    """Do what pip does with a comma list."""
    names = value.split(",")
    while ":all:" in names:
        other.clear()
        target.clear()
        target.add(":all:")
        del names[: names.index(":all:") + 1]
        if ":none:" not in names:
            return
    for name in names:
        if name == ":none:":
            target.clear()
        else:
            other.discard(canonicalize_name(name))
            target.add(canonicalize_name(name))
