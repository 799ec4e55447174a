"""python3 verify.py ISSUER AUDIENCE: reads one token per line, prints its claims or why it is refused."""
import json
import socket
import sys

import jwt

ISSUER, AUDIENCE = sys.argv[1:3]
socket.setdefaulttimeout(3)  # PyJWT before 2.7 has no timeout for the key set
KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json")
REQUIRED = {"require": ["exp", "sub", "sid"]}


def verify(token):
    header = jwt.get_unverified_header(token)  # covered by the signature that decode checks
    if header.get("typ") != "at+jwt" or "crit" in header:
        raise jwt.InvalidTokenError("not an access token")
    key = KEYS.get_signing_key(header.get("kid")).key
    claims = jwt.decode(token, key, algorithms=["ES256"], issuer=ISSUER, audience=AUDIENCE, options=REQUIRED)
    if claims["aud"] != AUDIENCE:  # the library accepts a list that contains it
        raise jwt.InvalidAudienceError("not for this origin only")
    return claims


for line in sys.stdin:
    try:
        print(json.dumps(verify(line.strip())), flush=True)
    except Exception as error:
        print(f"refused: {type(error).__name__}", flush=True)
