"""python3 verify.py ISSUER AUDIENCE: reads a token from each line, prints its claims or why it is refused."""
import collections
import json
import sys
import time
import urllib.request

import jwt

ISSUER, AUDIENCE = sys.argv[1:3]
PINNED = {"algorithms": ["ES256"], "issuer": ISSUER, "audience": AUDIENCE, "options": {"require": ["exp", "sub", "sid"]}}


def verify(token):
    header = jwt.get_unverified_header(token)  # part of what is signed: true once decode has returned
    if header.get("typ") != "at+jwt" or "crit" in header:
        raise jwt.InvalidTokenError("no access token")
    key = KEYS.get_signing_key(header.get("kid")).key
    claims = jwt.decode(token, key, **PINNED)
    if claims["aud"] != AUDIENCE:  # a list that has it is enough for the library
        raise jwt.InvalidAudienceError("not for this origin alone")
    return claims


class KeysUnavailable(Exception):
    """Nobody can tell whether the token is right: 503. A client that gets 401 logs out."""


class Keys(jwt.PyJWKClient):
    """By itself it reads the set for every unknown key id, forgets it when a read fails, and may wait for ever."""

    def __init__(self, uri):
        super().__init__(uri, lifespan=300)
        self.last, self.last_at, self.failure = None, 0, None
        self.reads = collections.deque([float("-inf")] * 6, maxlen=6)

    def fetch_data(self):
        now = time.monotonic()
        if now - self.reads[0] >= 60:  # six reads a minute, whatever key ids are made up
            self.reads.append(now)
            try:
                # Cloudflare may refuse the name that urllib gives itself.
                request = urllib.request.Request(self.uri, headers={"User-Agent": "gatehouse-origin"})
                with urllib.request.urlopen(request, timeout=3) as answer:
                    data = json.loads(answer.read(65_536))
                jwt.PyJWKSet.from_dict(data)  # raises where it is no key set
                self.jwk_set_cache.put(data)
                self.last, self.last_at, self.failure = data, now, None
            except Exception as fault:
                self.failure = fault
        if self.last is None or now - self.last_at >= 86_400:
            raise KeysUnavailable from self.failure
        return self.last

    def get_signing_key(self, kid):
        try:
            return super().get_signing_key(kid)
        except jwt.PyJWKClientError:
            if self.failure is not None:  # the key may be one that could not be read
                raise KeysUnavailable from self.failure
            raise


KEYS = Keys(f"{ISSUER}/.well-known/jwks.json")

for line in sys.stdin:
    try:
        print(json.dumps(verify(line.strip())), flush=True)
    except Exception as fault:
        print(f"refused: {type(fault).__name__}", flush=True)
