<?php
use Firebase\JWT\{CachedKeySet, JWT};

/** @param CachedKeySet $keys of "$issuer/.well-known/jwks.json", with an expiry of 300 s and its rate limit on */
function verify(string $token, CachedKeySet $keys, string $issuer, string $audience): stdClass
{
    $header = new stdClass();
    $claims = JWT::decode($token, $keys, $header);
    $isAccessToken = ($header->typ ?? '') === 'at+jwt' && $header->alg === 'ES256' && !isset($header->crit);
    $isForUs = ($claims->iss ?? '') === $issuer && ($claims->aud ?? '') === $audience;
    if (!$isAccessToken || !$isForUs || !isset($claims->exp, $claims->sub, $claims->sid)) {
        throw new UnexpectedValueException('no access token for us');
    }
    return $claims;
}
