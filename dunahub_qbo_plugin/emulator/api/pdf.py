"""A sales form as a one-page PDF: enough to be opened, printed and recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_LINES = 45


def render_pdf(data: Mapping[str, Any], *, entity: str, company: str) -> bytes:
    """Return the document as PDF 1.4 in the standard Helvetica font."""
    lines = [
        company,
        f"{entity} {data.get('DocNumber', '')}".strip(),
        f"Date: {data.get('TxnDate', '')}",
        f"Customer: {data.get('CustomerRef', {}).get('name', '')}",
        "",
    ]
    for line in data.get("Line", []):
        if line.get("DetailType") == "SubTotalLineDetail":
            continue
        item = line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("name", "")
        label = line.get("Description") or item or line.get("DetailType", "")
        lines.append(f"{label}: {line.get('Amount', '')}")
    lines += ["", f"Total: {data.get('TotalAmt', 0)}", f"Balance due: {data.get('Balance', 0)}"]
    return _document(lines[:_MAX_LINES])


def _document(lines: list[str]) -> bytes:
    text = "BT /F1 11 Tf 60 760 Td 15 TL " + " ".join(f"({_escaped(one)}) Tj T*" for one in lines)
    stream = (text + " ET").encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            b"/Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(out))
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").replace("\n", " ")
