import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwk.HttpsJwks;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumer;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.jwt.consumer.Validator;
import org.jose4j.keys.resolvers.HttpsJwksVerificationKeyResolver;

/** Thread-safe: create one for the whole application. */
final class Verify {
  private final JwtConsumer consumer;

  Verify(String issuer, String audience) {
    var keys = new HttpsJwks(issuer + "/.well-known/jwks.json");
    keys.setRefreshReprieveThreshold(10_000); // unknown key ids cause at most one read every 10 s
    keys.setRetainCacheOnErrorDuration(60); // service unavailable: the last keys stay in use, and are read again every minute
    consumer = new JwtConsumerBuilder().setVerificationKeyResolver(new HttpsJwksVerificationKeyResolver(keys))
        .setJwsAlgorithmConstraints(ConstraintType.PERMIT, AlgorithmIdentifiers.ECDSA_USING_P256_CURVE_AND_SHA256)
        .setExpectedType(true, "at+jwt").setExpectedIssuer(issuer).setExpectedAudience(audience)
        .setRequireExpirationTime().setRequireSubject()
        .registerValidator((Validator) token -> token.getJwtClaims().getAudience().size() == 1
            && token.getJoseObjects().get(0).getHeaders().getObjectHeaderValue("crit") == null ? null : "several audiences, or crit").build();
  }

  JwtClaims verify(String token) throws InvalidJwtException {
    return consumer.processToClaims(token);
  }
}
