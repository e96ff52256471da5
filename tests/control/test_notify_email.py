"""E-mail: what messages say, how they are handed over, and what a mail server's refusals mean."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gslb.config.notify import EmailSection
from gslb.control.notify.email import EmailSender, _own_name
from gslb.control.notify.waiting import UndeliveredError, Waiting
from gslb.model.event import event_of
from gslb.model.record import OrderRecord
from tests.control.receivers import AT, MailServer, doubt, email, telling
from tests.probes.certificates import new_authority
from tests.waiting import free_port, until


async def test_events_that_wait_become_one_message(tmp_path: Path) -> None:
    server = MailServer(port=free_port())
    async with telling(tmp_path, mail=email(server, to=["a@example.com", "b@example.com"])) as told:
        for number in range(3):
            told.notifier.offer(doubt(number))
        await until(lambda: told.count("mail", "retried") > 2)
        async with server.listening():
            await until(lambda: told.count("mail", "delivered") == 3)
    (mail,) = server.mails
    assert mail["Subject"] == (
        "[gslb istanbul-1] warning: vantage point v0 doubts itself: no reference answers (and 2 more)"
    )
    assert (mail["From"], mail["To"]) == ("gslb@example.com", "a@example.com, b@example.com")
    assert (mail["Auto-Submitted"], mail["Date"]) == ("auto-generated", "Fri, 20 Nov 2026 18:00:00 +0000")
    assert mail["Message-ID"].endswith(".3@example.com>")
    assert server.recipients == ["a@example.com", "b@example.com"]
    lines = mail.get_content().splitlines()
    assert lines[:2] == [
        "2026-11-20 18:00:00 UTC  warning  doubt",
        "  vantage point v0 doubts itself: no reference answers",
    ]
    assert [line for line in lines if " v1 " in line or " v2 " in line] == [
        "  vantage point v1 doubts itself: no reference answers",
        "  vantage point v2 doubts itself: no reference answers",
    ]


async def test_one_message_has_a_hundred_events_at_most_and_tells_what_is_lost(tmp_path: Path) -> None:
    server = MailServer(port=free_port())
    async with telling(tmp_path, mail=email(server)) as told:
        for number in range(1005):
            told.notifier.offer(doubt(number))
        async with server.listening():
            await until(lambda: told.count("mail", "delivered") == 1000)
    assert len(server.mails) == 10
    texts = [mail.get_content() for mail in server.mails]
    assert texts[0].startswith("5 earlier events are lost: too many were waiting.")
    assert not any("lost" in text for text in texts[1:])
    assert [line.split()[2] for text in texts for line in text.splitlines() if line.startswith("  vantage")] == [
        f"v{number}" for number in range(5, 1005)
    ]


async def test_services_are_named_and_nothing_that_is_told_becomes_a_header(tmp_path: Path) -> None:
    server = MailServer()
    async with server.listening(), telling(tmp_path, mail=email(server)) as told:
        reason = "update\r\nBcc: eve@example.com\x1b[31m"
        told.notifier.offer(OrderRecord(AT, "refused", "istanbul", "ada", reason, service="api.example.com"))
        await until(lambda: server.mails)
    (mail,) = server.mails
    assert mail["Bcc"] is None
    assert "  services: api.example.com" in mail.get_content()
    assert "\x1b" not in mail.as_string()


@pytest.mark.parametrize("whole", ["starttls", "tls"])
async def test_connections_are_protected_and_logged_in(tmp_path: Path, whole: str) -> None:
    authority = new_authority(tmp_path)
    (tmp_path / "password").write_text("hunter2\n")
    server = MailServer(context=authority.server("127.0.0.1"))
    options: dict[str, Any] = {"tls": whole, "user": "gslb", "ca_file": str(authority.file)}
    async with server.listening(whole=whole == "tls"):
        channels = {
            "mail": email(server, **options, password="hunter2"),
            "file": email(server, **options, password_file=str(tmp_path / "password")),
        }
        async with telling(tmp_path, **channels) as told:
            told.notifier.offer(doubt(1))
            await until(lambda: told.count("mail", "delivered") == 1 and told.count("file", "delivered") == 1)
    assert server.logins == [("gslb", "hunter2")] * 2


@pytest.mark.parametrize("whole", ["starttls", "tls"])
async def test_a_certificate_that_is_not_trusted_is_none(tmp_path: Path, whole: str) -> None:
    server = MailServer(context=new_authority(tmp_path).server("127.0.0.1"))
    async with server.listening(whole=whole == "tls"), telling(tmp_path, mail=email(server, tls=whole)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("mail", "retried") >= 2)
    assert not server.mails


async def test_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    server = MailServer()
    async with server.listening(), telling(tmp_path, mail=email(server, tls="starttls")) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("mail", "retried") >= 2)
    assert not {"MAIL", "AUTH", "DATA"} & set(server.verbs)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_message_that_will_not_be_taken_later_either_is_dropped(
    tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = MailServer(answers={verb: "550 not \x1bhere"})
    async with server.listening(), telling(tmp_path, mail=email(server)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("mail", "rejected") == 1)
        assert told.waiting("mail") == 0
    assert "550 not \N{REPLACEMENT CHARACTER}here" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["GREETING", "MAIL", "RCPT", "DATA"])
async def test_a_message_that_may_be_taken_later_waits(tmp_path: Path, verb: str) -> None:
    server = MailServer(answers={verb: "421 later"})
    async with server.listening(), telling(tmp_path, mail=email(server)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("mail", "retried") >= 2)
        server.answers.clear()
        await until(lambda: told.count("mail", "delivered") == 1)


async def test_that_some_do_not_get_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = MailServer(answers={"RCPT gone@example.com": "550 no such user"}, port=free_port())
    hook = email(server, to=["gone@example.com", "oncall@example.com"])
    async with server.listening(), telling(tmp_path, mail=hook) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("mail", "delivered") == 1)
    assert server.recipients == ["oncall@example.com"]
    assert "gone@example.com: 550 no such user" in capsys.readouterr().out


async def test_a_server_that_says_nothing_is_hung_up_on(tmp_path: Path) -> None:
    server = MailServer(silent=True)
    async with server.listening(), telling(tmp_path, mail=email(server, timeout="100ms")) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("mail", "retried") >= 3)
        server.silent = False
        await until(lambda: told.count("mail", "delivered") == 1)


async def test_a_server_that_falls_silent_in_the_midst_is_hung_up_on(tmp_path: Path) -> None:
    server = MailServer(answers={"MAIL": "250-not the last line"})
    async with server.listening(), telling(tmp_path, mail=email(server, timeout="300ms")) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("mail", "retried") >= 2)
        server.answers.clear()
        await until(lambda: told.count("mail", "delivered") == 1)
    assert len(server.mails) == 1


async def test_nobody_waits_for_a_message_on_the_way_out(tmp_path: Path) -> None:
    server = MailServer(silent=True)
    async with server.listening():
        async with telling(tmp_path, mail=email(server, timeout="300s")) as told:
            told.notifier.offer(doubt(1))
            await until(lambda: server.tasks)
        server.silent = False
        async with telling(tmp_path, mail=email(server)) as again:
            await until(lambda: again.count("mail", "delivered") == 1)


@pytest.mark.parametrize(("host", "expected"), [("node.example.com", "node.example.com"), ("node", "[127.0.0.1]")])
def test_it_greets_with_a_full_name_or_an_address(host: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: host)
    assert _own_name() == expected


async def test_who_is_told_to_stop_as_a_message_is_taken_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the channel would go on for ever, and its process with it."""
    answers: list[asyncio.Future[UndeliveredError | None]] = []

    def teller(answer: "asyncio.Future[UndeliveredError | None]") -> Callable[[UndeliveredError | None], None]:
        answers.append(answer)
        return lambda _: None

    monkeypatch.setattr("gslb.control.notify.email._teller", teller)
    server = MailServer()
    async with server.listening():
        options = email(server)
        assert isinstance(options, EmailSection)
        event = event_of(doubt(1))
        assert event is not None
        task = asyncio.create_task(EmailSender(options, "istanbul-1").deliver([Waiting("7", event)], 0))
        await until(lambda: answers and server.mails)
        answers[0].set_result(None)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_there_is_one_conversation_at_a_time() -> None:
    server = MailServer(silent=True)
    event = event_of(doubt(1))
    assert event is not None
    async with server.listening():
        options = email(server, timeout="300s")
        assert isinstance(options, EmailSection)
        sender = EmailSender(options, "istanbul-1")
        task = asyncio.create_task(sender.deliver([Waiting("7", event)], 0))
        await until(lambda: server.tasks)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with pytest.raises(UndeliveredError, match="has not come to its end"):
            await sender.deliver([Waiting("7", event)], 0)
        assert len(server.tasks) == 1
