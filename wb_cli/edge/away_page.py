"""The page that people see while the platform is away, in the language of the instance."""

from __future__ import annotations

from wb_cli.edge.text import as_html, indent

LOCATION = "@wb_away"
RETRY_AFTER_S = 5
# nginx reads no string of more than 4096 bytes.
LONGEST_LABEL = 120
ENGLISH = (
    "en",
    "We will be right back",
    "is away for a moment. This page loads itself again.",
)
FRENCH = (
    "fr",
    "Nous revenons tout de suite",
    "s'absente un instant. Cette page se recharge d'elle-même.",
)
STYLE = (
    "body{font:18px/1.6 system-ui,sans-serif;display:grid;place-content:center;min-height:90vh;"
    "margin:1rem;text-align:center;color:#334;background:#f7f8fa}h1{font-size:1.5rem;"
    "font-weight:600}@media(prefers-color-scheme:dark){body{color:#ccd;background:#15171c}}"
)


def write_location(label: str, *, french: bool) -> list[str]:
    """Write the location that answers for a platform that is away."""
    return [
        f"location {LOCATION} {{",
        *indent(
            [
                "types { }",
                'default_type "text/html; charset=utf-8";',
                f"add_header Retry-After {RETRY_AFTER_S} always;",
                "add_header Cache-Control no-store always;",
                f"return 503 '{write_page(label, french=french)}';",
            ]
        ),
        "}",
    ]


def write_page(label: str, *, french: bool) -> str:
    """Write the page. It has no single quote and no ``$``, and needs nothing from elsewhere."""
    language, title, text = FRENCH if french else ENGLISH
    name = label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="refresh" content="{RETRY_AFTER_S}">'
        f"<title>{as_html(title)}</title><style>{STYLE}</style>"
        f'<body><main role="status"><h1>{as_html(title)}</h1>'
        f"<p>{as_html(name)} {as_html(text)}</p></main></html>"
    )
