"""A certificate authority for one hub. Pure: keys and names in, certificates out; no file is touched."""

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from batwa_common.tls import OWN_CA

AUTHORITY_DAYS = 3652
"""Ten years: agents that sleep through a rotation are rare, and each has to join again."""
SERVER_DAYS = 90
"""A server's certificate is renewed by itself, so it may be short."""
EARLIER = timedelta(days=1)
"""Certificates hold from before they were made: the clock of a machine that joins may be behind."""


@dataclass(frozen=True)
class Authority:
    """A CA, and how those find to it who still believe the ones before."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    links: tuple[x509.Certificate, ...] = ()
    """The same CA signed by the one before it, that one by the one before, and so on."""
    former: tuple[x509.Certificate, ...] = ()
    """Earlier CAs that are still believed, the latest first."""

    @classmethod
    def new(cls, now: datetime) -> "Authority":
        """Make one."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, OWN_CA),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{OWN_CA} {secrets.token_hex(4)}"),
            ]
        )
        return cls(key, _ca(name, key.public_key(), issuer=name, signer=key, now=now))

    def succeeded(self, now: datetime) -> "Authority":
        """Return a new CA that everybody believes who believes this one. This one's key may go."""
        new = Authority.new(now)
        link = _ca(
            new.certificate.subject,
            new.key.public_key(),
            issuer=self.certificate.subject,
            signer=self.key,
            now=now,
        )
        return Authority(new.key, new.certificate, (link, *self.links), (self.certificate, *self.former))

    def alone(self) -> "Authority":
        """Return this CA without the earlier ones: who believes only those is to join again."""
        return Authority(self.key, self.certificate)

    def bundle(self) -> str:
        """Return the CAs to believe, PEM, this one first."""
        return "".join(map(pem, (self.certificate, *self.former)))

    def issued(self, names: Iterable[str], now: datetime) -> "ServerCertificate":
        """Return a certificate for a server that goes by *names*: host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _certificate(self.certificate.subject, self.key, key.public_key(), now, days=SERVER_DAYS)
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "batwa-hub")]))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([_san(name) for name in sorted(names)]), critical=False
            )
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        return ServerCertificate(key, certificate, self.links)

    def to_pem(self) -> bytes:
        """Return all of it as one PEM text, the secret key included."""
        return _key_pem(self.key) + "".join(map(pem, (self.certificate, *self.links, *self.former))).encode()

    @classmethod
    def from_pem(cls, content: bytes) -> "Authority":
        """Read what `to_pem` wrote. Raises ValueError or TypeError."""
        key = _read_key(content)
        first, *others = x509.load_pem_x509_certificates(content)
        if first.public_key() != key.public_key():
            raise ValueError("its key and its first certificate do not belong together")
        signed = tuple(each for each in others if each.subject != each.issuer)
        return cls(key, first, signed, tuple(each for each in others if each.subject == each.issuer))


@dataclass(frozen=True)
class ServerCertificate:
    """What a server shows, and the key that goes with it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    links: tuple[x509.Certificate, ...]

    def to_pem(self) -> bytes:
        """Return all of it as one PEM text, the secret key included, as servers load it."""
        return _key_pem(self.key) + "".join(map(pem, (self.certificate, *self.links))).encode()

    @classmethod
    def from_pem(cls, content: bytes) -> "ServerCertificate":
        """Read what `to_pem` wrote. Raises ValueError or TypeError."""
        first, *links = x509.load_pem_x509_certificates(content)
        return cls(_read_key(content), first, tuple(links))

    def serves(self, authority: Authority, names: Iterable[str], at: datetime) -> bool:
        """Whether it comes from *authority*, holds for all of *names*, and still does *at* that time."""
        known = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return (
            self.certificate.issuer == authority.certificate.subject
            and self.links == authority.links
            and all(_san(name) in known for name in names)
            and at < self.certificate.not_valid_after_utc
        )


def pem(certificate: x509.Certificate) -> str:
    """Return *certificate* as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _ca(
    name: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    return (
        _certificate(issuer, signer, key, now, days=AUTHORITY_DAYS)
        .subject_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(signer, hashes.SHA256())
    )


def _certificate(
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    *,
    days: int,
) -> x509.CertificateBuilder:
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(by, critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_key(content: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(content, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("its key is of another kind than this hub makes")
    return key
