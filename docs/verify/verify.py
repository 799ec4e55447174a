"""python3 verify.py ISSUER AUDIENCE: reads a token from each line, prints its claims or why it is refused."""
import json
import socket
import sys

import jwt

ISSUER, AUDIENCE = sys.argv[1:3]
socket.setdefaulttimeout(3)  # PyJWT before 2.7 would wait for the key set for ever
KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json")
REQUIRED = {"require": ["exp", "sub", "sid"]}


def verify(token):
    header = jwt.get_unverified_header(token)  # part of what is signed: true once decode has returned
    if header.get("typ") != "at+jwt" or "crit" in header:
        raise jwt.InvalidTokenError("no access token")
    key = KEYS.get_signing_key(header.get("kid")).key
    claims = jwt.decode(token, key, algorithms=["ES256"], issuer=ISSUER, audience=AUDIENCE, options=REQUIRED)
    if claims["aud"] != AUDIENCE:  # the library would take a list that has it
        raise jwt.InvalidAudienceError("not for this origin alone")
    return claims


for line in sys.stdin:
    try:
        print(json.dumps(verify(line.strip())), flush=True)
    except Exception as fault:
        print(f"refused: {type(fault).__name__}", flush=True)
