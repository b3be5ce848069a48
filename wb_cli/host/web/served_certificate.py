"""Ask a server for the certificate that it serves for a domain name."""

from __future__ import annotations

import socket
import ssl

from wb_cli.errors import WbError
from wb_cli.host.web.x509 import Certificate, parse_der

ANSWERS_WITHIN_S = 5.0


def ask_for_certificate(
    address: str, port: int, domain_name: str, within_s: float = ANSWERS_WITHIN_S
) -> Certificate:
    """Make a TLS handshake, and give the certificate that is served for a domain name.

    It is not checked here, as an expired or a wrong one is what wb looks for. No secret is sent.

    Raises:
        WbError: nothing listens there, or it does not speak TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), within_s) as connection,
            context.wrap_socket(connection, server_hostname=domain_name) as tls,
        ):
            served = tls.getpeercert(binary_form=True)
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise WbError(
            f"port {port} of {address} serves no TLS for {domain_name}: {reason}"
        ) from None
    except TimeoutError:
        raise WbError(f"port {port} of {address} gave no answer within {within_s:g} s") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WbError(f"port {port} of {address} does not answer: {reason}") from None
    try:
        return parse_der(served or b"")
    except ValueError as error:
        raise WbError(f"port {port} of {address} serves a certificate, but {error}") from None
