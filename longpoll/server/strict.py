"""Which request heads are refused, and why: bytes in, a refusal or nothing out.

Two programs that read one head differently (a proxy and this server, say) can be made to disagree where a
request ends, and then one client's bytes become another's request. So what RFC 9112 lets a server repair is
refused here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_HEAD = 16 * 1024
MAX_REQUEST_LINE = 8 * 1024 - 2  # pywsgi itself gives up at 8192 with the line's end
MAX_FIELDS = 100  # as http.client, and as most proxies in front

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# A path, a whole address (proxies send it), or what OPTIONS asks of the server itself.
_TARGET = rb"(?:/[\x21-\x7e]*|https?://[\x21-\x7e]+|(?<=OPTIONS )\*)"
_REQUEST_LINE = re.compile(TOKEN + rb" " + _TARGET + rb" HTTP/1\.[01]")
# Greedy, blanks stripped afterwards: a lazy value before [ \t]* takes quadratic time on a line of blanks.
_FIELD = re.compile(rb"(" + TOKEN + rb"):([^\x00-\x08\x0a-\x1f\x7f]*)")
_BLANK_BEFORE_COLON = re.compile(TOKEN + rb"[ \t]+:")
_LENGTH = re.compile(rb"[0-9]{1,10}")
_HOST = re.compile(rb"[0-9A-Za-z\-._~:%!$&'()*+;=\[\]]*")
_DECLARED_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:", re.IGNORECASE)
_UNSUPPORTED_METHODS = (b"CONNECT ", b"TRACE ")

Fields = dict[bytes, list[bytes]]


class Refusal(NamedTuple):
    """Why a request is not served; the connection closes after it."""

    status: int
    sentence: str


def refusal(head: bytes, max_body: int) -> Refusal | None:
    """Judges a whole *head*, its empty last line included. *max_body* is in bytes."""
    line, *lines = head[:-4].split(b"\r\n")
    fields: Fields = {}
    return (
        refuse_request_line(line)
        or _collect(lines, fields)
        or _refuse_host(fields, line)
        or _refuse_framing(fields, line, max_body)
        or _refuse_expectation(fields)
    )


def refuse_request_line(line: bytes) -> Refusal | None:
    """Judges the first line, without its line end: it may stand there long before the rest of the head."""
    if len(line) > MAX_REQUEST_LINE:
        return Refusal(414, f"The request line is longer than {MAX_REQUEST_LINE} bytes.")
    if line.startswith(_UNSUPPORTED_METHODS):
        return Refusal(501, "CONNECT and TRACE are not served here.")
    if not _REQUEST_LINE.fullmatch(line):
        return Refusal(400, "The request line must read: method, one space, target, one space, HTTP/1.1.")
    return None


def body_length(head: bytes) -> int | None:
    """The length in bytes of the body behind an accepted *head*; None if it comes in chunks."""
    if _CHUNKED.search(head):
        return None
    declared = _DECLARED_LENGTH.search(head)
    return int(declared[1]) if declared else 0


def wants_continue(head: bytes) -> bool:
    """Whether the client behind an accepted *head* waits for ``100 Continue`` before it sends the body."""
    return _EXPECT.search(head) is not None and b" HTTP/1.1\r\n" in head


def refuse_field(line: bytes) -> Refusal | None:
    """Judges one header or trailer line, without its line end."""
    if _FIELD.fullmatch(line):
        return None
    if b"\n" in line or b"\r" in line:
        return Refusal(400, "A line of the head ends in a bare CR or LF; only CR LF ends a line.")
    if line.startswith((b" ", b"\t")):
        return Refusal(400, "A header line is folded onto the line before it; put it on one line.")
    if _BLANK_BEFORE_COLON.match(line):
        return Refusal(400, "A header name is followed by a blank before its colon.")
    return Refusal(400, "A header line is not of the form name: value.")


def _collect(lines: list[bytes], fields: Fields) -> Refusal | None:
    """Fills *fields*, names in lower case."""
    if len(lines) > MAX_FIELDS:
        return Refusal(431, f"There are more than {MAX_FIELDS} header lines.")
    for line in lines:
        refused = refuse_field(line)
        if refused:
            return refused
        name, _, value = line.partition(b":")
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return None


def _refuse_host(fields: Fields, line: bytes) -> Refusal | None:
    hosts = fields.get(b"host", [])
    if len(hosts) > 1:
        return Refusal(400, "There is more than one Host header.")
    if not hosts and line.endswith(b"1.1"):
        return Refusal(400, "An HTTP/1.1 request needs a Host header.")
    if hosts and not _HOST.fullmatch(hosts[0]):
        return Refusal(400, "The Host header is not a host name with an optional port.")
    return None


def _refuse_framing(fields: Fields, line: bytes, max_body: int) -> Refusal | None:
    lengths = fields.get(b"content-length", [])
    codings = fields.get(b"transfer-encoding", [])
    if codings:
        if lengths:
            return Refusal(400, "Content-Length and Transfer-Encoding contradict each other; send one.")
        if [coding.lower() for coding in codings] != [b"chunked"]:
            return Refusal(400, "The only Transfer-Encoding served here is chunked, once.")
        if line.endswith(b"1.0"):
            return Refusal(400, "HTTP/1.0 has no Transfer-Encoding.")
        return None
    if len(lengths) > 1:
        return Refusal(400, "There is more than one Content-Length header.")
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        return Refusal(400, "Content-Length must be a decimal number of at most ten digits.")
    if lengths and int(lengths[0]) > max_body:
        return too_large(max_body)
    if lengths and int(lengths[0]) and line.startswith(b"HEAD "):
        return Refusal(400, "A HEAD request has no body.")
    return None


def too_large(max_body: int) -> Refusal:
    """The refusal of a body of more than *max_body* bytes, announced or sent."""
    return Refusal(413, f"The request body is longer than {max_body} bytes.")


def _refuse_expectation(fields: Fields) -> Refusal | None:
    if all(value.lower() == b"100-continue" for value in fields.get(b"expect", [])):
        return None
    return Refusal(417, "The only expectation met here is 100-continue.")
