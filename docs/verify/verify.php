<?php
use Firebase\JWT\{CachedKeySet, JWT};

/** @param CachedKeySet $keys of "$issuer/.well-known/jwks.json", with an expiry of 300 s and the rate limit enabled */
function verify(string $token, CachedKeySet $keys, string $issuer, string $audience): stdClass
{
    $header = new stdClass();
    $claims = JWT::decode($token, $keys, $header);
    $isAccessToken = ($header->typ ?? '') === 'at+jwt' && $header->alg === 'ES256' && !isset($header->crit);
    $isForUs = ($claims->iss ?? '') === $issuer && ($claims->aud ?? '') === $audience;
    if (!$isAccessToken || !$isForUs || !isset($claims->exp, $claims->sub, $claims->sid)) {
        throw new UnexpectedValueException('not an access token for this origin');
    }
    return $claims;
}
