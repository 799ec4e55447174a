// go run verify.go ISSUER AUDIENCE: reads a token from each line, prints its claims or that it is refused.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc" // version 3: github.com/coreos/go-oidc/v3/oidc
)

var issuer, audience = os.Args[1], os.Args[2]
var reading = oidc.ClientContext(context.Background(), &http.Client{Timeout: 3 * time.Second})
var keys = oidc.NewRemoteKeySet(reading, issuer+"/.well-known/jwks.json")
var verifier = oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{"ES256"}})

func verify(ctx context.Context, token string) (*oidc.IDToken, error) {
	if !isAccessToken(token) { // part of what is signed: true once Verify has returned
		return nil, errors.New("no access token")
	}
	claims, err := verifier.Verify(ctx, token)
	if err == nil && (claims.Subject == "" || len(claims.Audience) != 1) {
		return nil, errors.New("no subject, or not for this origin alone")
	}
	return claims, err
}

func isAccessToken(token string) bool {
	var header map[string]any
	raw, err := base64.RawURLEncoding.DecodeString(strings.SplitN(token, ".", 2)[0])
	isObject := err == nil && json.Unmarshal(raw, &header) == nil
	return isObject && header["typ"] == "at+jwt" && header["kid"] != nil && header["crit"] == nil
}

// The library reads the keys again only when a token fails: one that was removed would go on for as long as none does.
func readKeysAgain() {
	for range time.Tick(time.Minute) {
		_, _ = keys.VerifySignature(reading, "eyJhbGciOiJFUzI1NiJ9.e30.AAAA")
	}
}

func main() {
	go readKeysAgain()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var claims json.RawMessage
		if token, err := verify(context.Background(), lines.Text()); err != nil && strings.Contains(err.Error(), "fetching keys") {
			fmt.Println("refused: unavailable")
		} else if err != nil || token.Claims(&claims) != nil {
			fmt.Println("refused: invalid")
		} else {
			fmt.Println(string(claims))
		}
	}
}
