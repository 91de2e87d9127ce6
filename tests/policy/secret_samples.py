"""A made-up secret of every kind, drawn from a seeded generator: none is written down, so no scanner minds."""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable

from phasegate.policy.secret_shapes import crc32_base62

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits

Sample = tuple[str, str]
Build = Callable[["Draw"], Sample]


class Draw(random.Random):
    """Seeded letters; the first is a letter or digit so that a sample has no soft edge."""

    def of(self, letters: str, size: int) -> str:
        return self.choice(ALNUM if letters == URLSAFE else letters) + "".join(self.choices(letters, k=size - 1))

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self.randbytes(16), version=4))

    def json_part(self, **fields: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    def pem(self, label: str) -> str:
        body = base64.b64encode(self.randbytes(600)).decode()
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        dashes = "-" * 5
        return "\n".join([f"{dashes}BEGIN {label}{dashes}", *lines, f"{dashes}END {label}{dashes}"])


def token(*parts: str | tuple[str, int], name: str = "field") -> Build:
    """A sample of fixed parts and of (letters, how many) to be drawn."""
    return lambda d: (name, "".join(p if isinstance(p, str) else d.of(*p) for p in parts))


def checksummed(prefix: str) -> Build:
    def build(d: Draw) -> Sample:
        body = d.of(ALNUM, 30)
        return "field", prefix + body + crc32_base62(body)

    return build


def jwt(d: Draw) -> Sample:
    return "field", ".".join([d.json_part(alg="HS256"), d.json_part(sub=d.of(ALNUM, 12)), d.of(URLSAFE, 43)])


def pem(label: str, name: str = "field") -> Build:
    return lambda d: (name, d.pem(label))


def basic(d: Draw) -> Sample:
    return "Authorization", "Basic " + base64.b64encode(f"deploy:{d.of(ALNUM, 14)}".encode()).decode()


def putty(d: Draw) -> Sample:
    head = f"PuTTY-User-Key{'-File'}-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 2\n"
    return "field", f"{head}{d.of(B64, 64)}\n{d.of(B64, 30)}\nPrivate-MAC: {d.of(HEX, 64)}"


B64 = ALNUM + "+/"
# Rule id -> (name, value) that it must find; several rows a rule where the kind has several shapes.
SAMPLES: tuple[tuple[str, Build], ...] = (
    ("aws-access-key-id", token("AK", "IA", (string.ascii_uppercase + "234567", 16))),
    ("aws-access-key-id", token("AS", "IA", (string.ascii_uppercase + "234567", 16))),
    ("aws-bedrock-key", token("AB", "SK", (ALNUM, 128))),
    ("aws-secret-key", token((B64, 40), name="aws_secret_access_key")),
    ("aws-secret-key", token((B64, 40), name="SecretAccessKey")),
    *(("github-token", checksummed(f"gh{kind}_")) for kind in "pousr"),
    ("github-token", token("gh", "p_", (ALNUM, 36))),
    ("github-fine-grained-token", token("github", "_pat_", (ALNUM, 22), "_", (ALNUM, 59))),
    ("gitlab-token", token("gl", "pat-", (URLSAFE, 20))),
    ("gitlab-token", token("gl", "rt-", (URLSAFE, 20))),
    ("slack-token", token("xo", "xb-", (string.digits, 12), "-", (string.digits, 12), "-", (ALNUM, 24))),
    ("slack-app-token", token("xa", "pp-1-", (UPPER, 11), "-", (string.digits, 13), "-", (HEX, 64))),
    ("slack-webhook", token("https://hooks.", "slack.com/services/T", (UPPER, 8), "/B", (UPPER, 8), "/", (ALNUM, 24))),
    ("stripe-key", token("sk", "_live_", (ALNUM, 24))),
    ("stripe-key", token("rk", "_test_", (ALNUM, 99))),
    ("stripe-webhook-secret", token("wh", "sec_", (ALNUM, 32))),
    ("google-api-key", token("AI", "za", (URLSAFE, 35))),
    ("google-oauth-token", token("ya", "29.", (URLSAFE, 120))),
    ("google-client-secret", token("GOC", "SPX-", (URLSAFE, 28))),
    ("azure-client-secret", token((ALNUM, 3), "8Q", "~", (ALNUM, 34))),
    ("azure-storage-key", token("AccountName=store;Account", "Key=", (B64, 86), "==")),
    ("azure-sas", token("https://store.blob.core.windows.net/c?sv=2024-01-01&s", "ig=", (ALNUM, 43), "%3D")),
    ("npm-token", checksummed("np" + "m_")),
    ("pypi-token", token("py", "pi-AgEIcHlwaS5vcmc", (URLSAFE, 80))),
    ("anthropic-key", token("sk-", "ant-api03-", (URLSAFE, 93), "AA")),
    ("openai-key", token("sk-", (ALNUM, 48))),
    ("openai-key", token("sk-", "proj-", (URLSAFE, 120))),
    ("openrouter-key", token("sk-", "or-v1-", (HEX, 64))),
    ("huggingface-token", token("h", "f_", (string.ascii_letters, 34))),
    ("groq-key", token("gs", "k_", (ALNUM, 52))),
    ("xai-key", token("xa", "i-", (ALNUM, 80))),
    ("perplexity-key", token("pp", "lx-", (ALNUM, 48))),
    ("replicate-token", token("r", "8_", (ALNUM, 37))),
    ("twilio-api-key", token("S", "K", (HEX, 32))),
    ("twilio-auth-token", token((HEX, 32), name="TWILIO_AUTH_TOKEN")),
    ("sendgrid-key", token("S", "G.", (URLSAFE, 22), ".", (URLSAFE, 43))),
    ("mailgun-key", token("ke", "y-", (HEX, 32))),
    ("mailgun-signing-key", token((HEX, 32), "-", (HEX, 8), "-", (HEX, 8), name="MAILGUN_API_KEY")),
    ("digitalocean-token", token("do", "p_v1_", (HEX, 64))),
    ("heroku-token", token("HR", "KU-AA", (URLSAFE, 58))),
    ("heroku-api-key", lambda d: ("HEROKU_API_KEY", d.uuid())),
    ("discord-webhook", token("https://discord.com/api/web", "hooks/", (string.digits, 18), "/", (URLSAFE, 68))),
    ("discord-token", token("M", (ALNUM, 23), ".", (ALNUM, 6), ".", (ALNUM, 38), name="DISCORD_TOKEN")),
    ("telegram-bot-token", token("1", (string.digits, 9), ":A", "A", (URLSAFE, 33))),
    ("shopify-token", token("shp", "at_", (HEX, 32))),
    ("square-token", token("sq0", "csp-", (URLSAFE, 43))),
    ("square-access-token", token("EA", "AA", (ALNUM, 60))),
    ("atlassian-token", token("ATA", "TT3xFfGF0", (URLSAFE, 170), "=", (UPPER, 8))),
    ("bitbucket-token", token("AT", "BB", (ALNUM, 32))),
    ("linear-key", token("lin_", "api_", (ALNUM, 40))),
    ("databricks-token", token("da", "pi", (HEX, 32))),
    ("vault-token", token("hv", "s.", (URLSAFE, 90))),
    ("terraform-token", token((ALNUM, 14), ".atlas", "v1.", (URLSAFE, 67))),
    ("age-key", token("AGE-SECRET", "-KEY-1", ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58))),
    ("newrelic-key", token("NR", "AK-", (UPPER, 27))),
    ("sentry-token", token("sntr", "yu_", (HEX, 64))),
    ("grafana-token", token("gl", "sa_", (ALNUM, 32), "_", (HEX, 8))),
    ("doppler-token", token("dp", ".pt.", (ALNUM, 43))),
    ("pulumi-token", token("pu", "l-", (HEX, 40))),
    ("postman-key", token("PM", "AK-", (HEX, 24), "-", (HEX, 34))),
    ("rubygems-key", token("ruby", "gems_", (HEX, 48))),
    ("docker-token", token("dckr", "_pat_", (URLSAFE, 27))),
    ("figma-token", token("fi", "gd_", (URLSAFE, 40))),
    ("notion-token", token("nt", "n_", (ALNUM, 46))),
    ("planetscale-token", token("psc", "ale_tkn_", (URLSAFE, 43))),
    ("supabase-key", token("sb", "p_", (HEX, 40))),
    ("1password-token", token("op", "s_eyJ", (ALNUM, 300))),
    ("teams-webhook", token("https://x.web", "hook.office.com/webhookb2/", (HEX, 40), "@", (HEX, 40), "/", (HEX, 20))),
    ("datadog-key", token((HEX, 32), name="DD_API_KEY")),
    ("cloudflare-token", token((ALNUM, 40), name="CLOUDFLARE_API_TOKEN")),
    ("jwt", jwt),
    ("gcp-service-account", pem("PRIVATE" + " KEY", "private_key")),
    *(("private-key", pem(f"{kind}PRIVATE" + " KEY")) for kind in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")),
    ("private-key", pem("PGP PRIVATE" + " KEY BLOCK")),
    ("putty-private-key", putty),
    ("database-url", token("postgres", "ql://app:", (ALNUM, 16), "@db.internal:5432/app")),
    ("database-url", token("mongodb", "+srv://app:", (ALNUM, 16), "@cluster.internal/app")),
    ("password-in-url", token("https", "://deploy:", (ALNUM, 16), "@git.internal/app.git")),
    ("authorization-basic", basic),
    ("authorization-bearer", token("Bearer ", (ALNUM, 40), name="Authorization")),
    ("secret-assignment", token((ALNUM, 20), "7a", name="DB_PASSWORD")),
    ("secret-assignment", token((ALNUM, 9), "7a", name="MYSQL_PWD")),
    ("secret-assignment", token((ALNUM, 9), "7a", name="smtp_pass")),
    ("secret-assignment", token((HEX, 32), "7a", name="internal_api_key")),
    ("alibaba-access-key-id", token("LT", "AI", (ALNUM, 20))),
    ("google-refresh-token", token("1//", "0", (URLSAFE, 80))),
    ("azure-devops-token", token((ALNUM, 76), "AZ", "DO", (ALNUM, 4))),
    ("azure-search-key", token((ALNUM, 42), "Az", "SeC", (ALNUM, 5))),
    ("azure-function-key", token((URLSAFE, 44), "Az", "Fu", (ALNUM, 6), "==")),
    ("azure-registry-key", token((ALNUM, 42), "+", "ACRB", (ALNUM, 5))),
    ("azure-redis-key", token((ALNUM, 33), "Az", "CaE", (ALNUM, 5), "=")),
    ("azure-messaging-key", token((B64, 33), "+A", "SbE", (B64, 5), "=")),
    ("azure-messaging-key", token((B64, 33), "AI", "oTC", (B64, 5), "=")),
    ("yandex-key", token("AQ", "VN", (URLSAFE, 36))),
    ("fly-token", token("fo", "1_", (URLSAFE, 43))),
    ("fly-token", token("fm", "2_", (B64, 200))),
    ("netlify-token", token("nf", "p_", (ALNUM, 36))),
    ("scalingo-token", token("tk-", "us-", (URLSAFE, 48))),
    ("cloudflare-origin-key", token("v1", ".0-", (HEX, 24), "-", (HEX, 146))),
    ("openshift-token", token("sha256", "~", (ALNUM, 43))),
    ("trello-token", token("AT", "TA", (HEX, 72))),
    ("sourcegraph-token", token("sg", "p_", (HEX, 16), "_", (HEX, 40))),
    ("sonar-token", token("sq", "p_", (HEX, 40))),
    ("buildkite-token", token("bk", "ua_", (HEX, 40))),
    ("circleci-token", token("CCI", "PAT_", (ALNUM, 22), "_", (HEX, 40))),
    ("octopus-key", token("AP", "I-", (UPPER, 26))),
    ("harness-token", token("pa", "t.", (ALNUM, 22), ".", (HEX, 24), ".", (ALNUM, 20))),
    ("crates-io-token", token("ci", "o", (ALNUM, 32))),
    ("nuget-key", token("oy", "2", (string.ascii_lowercase + string.digits, 43))),
    ("clojars-token", token("CLO", "JARS_", (string.ascii_lowercase + string.digits, 60))),
    ("artifactory-key", token("AK", "Cp", (ALNUM, 69))),
    ("artifactory-reference", token("cmVm", "dGtu", (ALNUM, 56))),
    ("langfuse-key", lambda d: ("field", "sk-" + "lf-" + d.uuid())),
    ("nvidia-key", token("nv", "api-", (URLSAFE, 64))),
    ("elevenlabs-key", token("sk", "_", (HEX, 48))),
    ("tavily-key", token("tv", "ly-dev-", (ALNUM, 32))),
    ("langsmith-key", token("ls", "v2_pt_", (HEX, 32), "_", (HEX, 10))),
    ("plaid-token", lambda d: ("field", "access-" + "sandbox-" + d.uuid())),
    ("flutterwave-key", token("FLW", "SECK-", (HEX, 32), "-X")),
    ("duffel-token", token("duf", "fel_live_", (URLSAFE, 43))),
    ("easypost-key", token("EZ", "AK", (ALNUM, 54))),
    ("shippo-token", token("ship", "po_live_", (HEX, 40))),
    ("mailchimp-key", token((HEX, 32), "-u", "s12")),
    ("brevo-key", token("xkey", "sib-", (HEX, 64), "-", (ALNUM, 16))),
    ("resend-key", token("r", "e_", (ALNUM, 8), "_", (ALNUM, 24))),
    ("facebook-token", token("EA", "AC", (ALNUM, 180))),
    ("hubspot-token", lambda d: ("field", "pat" + "-na1-" + d.uuid())),
    ("1password-secret-key", token("A", "3-", *(p for n in (6, 6, 5, 5, 5) for p in ((UPPER, n), "-")), (UPPER, 5))),
    ("prefect-token", token("pn", "u_", (ALNUM, 36))),
    ("infracost-key", token("ic", "o-", (ALNUM, 32))),
    ("tailscale-key", token("ts", "key-auth-", (ALNUM, 12), "CNTRL-", (ALNUM, 32))),
    ("grafana-legacy-key", token("eyJr", "Ijoi", (ALNUM, 92))),
    ("dynatrace-token", token("dt0", "c01.", (UPPER, 24), ".", (UPPER, 64))),
    ("posthog-key", token("ph", "x_", (ALNUM, 43))),
    ("launchdarkly-key", lambda d: ("field", "sd" + "k-" + d.uuid())),
    ("airtable-token", token("pa", "t", (ALNUM, 14), ".", (HEX, 64))),
    ("apify-token", token("apify", "_api_", (ALNUM, 36))),
    ("maxmind-key", token((ALNUM, 6), "_", (ALNUM, 29), "_m", "mk")),
    ("notion-old-token", token("sec", "ret_", (ALNUM, 43))),
    ("dropbox-token", token("s", "l.", (URLSAFE, 140))),
    ("typeform-token", token("tf", "p_", (ALNUM, 44))),
    ("readme-key", token("rd", "me_", (string.ascii_lowercase + string.digits, 70))),
    ("contentful-token", token("CF", "PAT-", (URLSAFE, 43))),
    ("mapbox-token", token("sk.", "eyJ", (ALNUM, 60), ".", (ALNUM, 22))),
    ("netrc-password", token("machine git.internal login deploy pass", "word ", (ALNUM, 15), "7a", name="netrc")),
    ("encoded-login", lambda d: ("auth", base64.b64encode(f"deploy:{d.of(ALNUM, 18)}".encode()).decode())),
    ("curl-user", token("curl -s -", "u deploy:", (ALNUM, 15), "7a https://git.internal/api", name="run")),
)


def sample(place: int, seed: int = 0) -> Sample:
    """The name and the value of the sample at `place`."""
    return SAMPLES[place][1](Draw(f"{place}/{seed}"))
