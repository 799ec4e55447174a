import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwk.HttpsJwks;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumer;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.jwt.consumer.Validator;
import org.jose4j.keys.resolvers.HttpsJwksVerificationKeyResolver;

/** Thread-safe: one for the whole application. */
final class Verify {
  private final JwtConsumer consumer;

  Verify(String issuer, String audience) {
    var keys = new HttpsJwks(issuer + "/.well-known/jwks.json");
    keys.setRefreshReprieveThreshold(10_000); // made-up key ids have them read again at most every 10 s
    keys.setRetainCacheOnErrorDuration(60); // out of reach: the last keys go on, and are asked for every minute
    consumer = new JwtConsumerBuilder().setVerificationKeyResolver(new HttpsJwksVerificationKeyResolver(keys))
        .setJwsAlgorithmConstraints(ConstraintType.PERMIT, AlgorithmIdentifiers.ECDSA_USING_P256_CURVE_AND_SHA256)
        .setExpectedType(true, "at+jwt").setExpectedIssuer(issuer).setExpectedAudience(audience)
        .setRequireExpirationTime().setRequireSubject()
        .registerValidator((Validator) token -> token.getJwtClaims().getAudience().size() == 1
            && token.getJoseObjects().get(0).getHeaders().getObjectHeaderValue("crit") == null ? null : "for others too, or critical").build();
  }

  JwtClaims verify(String token) throws InvalidJwtException {
    return consumer.processToClaims(token);
  }
}
