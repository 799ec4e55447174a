import java.util.Scanner;
import org.jose4j.http.Get;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwk.HttpsJwks;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumer;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.keys.resolvers.HttpsJwksVerificationKeyResolver;

/** Thread-safe: one for the whole application. */
final class Verify {
  private final JwtConsumer consumer;

  Verify(String issuer, String audience) {
    consumer = new JwtConsumerBuilder()
        .setVerificationKeyResolver(new HttpsJwksVerificationKeyResolver(keys(issuer + "/.well-known/jwks.json")))
        .setJwsAlgorithmConstraints(ConstraintType.PERMIT, AlgorithmIdentifiers.ECDSA_USING_P256_CURVE_AND_SHA256)
        .setExpectedType(true, "at+jwt").setExpectedIssuer(issuer).setExpectedAudience(audience)
        .setRequireExpirationTime().setRequireSubject().build();
  }

  private static HttpsJwks keys(String url) {
    var get = new Get();
    get.setConnectTimeout(3_000);
    get.setReadTimeout(3_000);
    get.setRetries(0);
    var keys = new HttpsJwks(url);
    keys.setSimpleHttpGet(get);
    keys.setRefreshReprieveThreshold(10_000); // a made-up key id has them read again at most every 10 s
    keys.setRetainCacheOnErrorDuration(60); // while they cannot be read, the last ones go on, and are tried every minute
    return keys;
  }

  JwtClaims verify(String token) throws InvalidJwtException {
    return consumer.processToClaims(token);
  }

  /** java Verify.java ISSUER AUDIENCE: reads a token from each line, prints its claims or why it is refused. */
  public static void main(String[] args) {
    var verifier = new Verify(args[0], args[1]);
    for (var lines = new Scanner(System.in); lines.hasNextLine();) {
      try {
        System.out.println(verifier.verify(lines.nextLine()).toJson());
      } catch (InvalidJwtException fault) {
        var cause = fault.getCause() == null ? fault : fault.getCause();
        System.out.println("refused: " + cause.getClass().getSimpleName());
      }
    }
  }
}
