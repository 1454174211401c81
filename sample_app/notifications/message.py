"""One recipient's message, from the templates. Pure."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from sample_app.people import Person

SENDER = Address("The sample app", "notifications", "app.example")

# autoescape for the HTML part only: in plain text "O&#39;Neill" would be wrong.
_templates = Environment(
    loader=PackageLoader("sample_app", "notifications/templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,  # a misspelt name stops the run instead of mailing a hole to 500 people
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(mailing_id: int, number: int, person: Person, subject: str, total: int) -> EmailMessage:
    """The message for recipient ``number`` (counted from 0) of a mailing."""
    words = {
        "name": person.name,
        "first_name": person.name.split()[0],
        "email": person.email,
        "subject": subject,
        "number": number + 1,
        "total": total,
    }
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = Address(person.name, addr_spec=person.email)
    message["Subject"] = f"{words['first_name']}, {subject}"
    # The same for the same recipient of the same mailing whenever it is sent: mail servers drop what came twice.
    message["Message-ID"] = f"<mailing-{mailing_id}-{number}@app.example>"
    message.set_content(_templates.get_template("mail.txt").render(words))
    message.add_alternative(_templates.get_template("mail.html").render(words), subtype="html")
    return message
