// go run verify.go ISSUER AUDIENCE: reads a token from each line, prints its claims or that it is refused.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/coreos/go-oidc" // version 3: github.com/coreos/go-oidc/v3/oidc
)

var issuer, audience = os.Args[1], os.Args[2]
var keys = oidc.NewRemoteKeySet(context.Background(), issuer+"/.well-known/jwks.json")
var verifier = oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{"ES256"}})

func verify(ctx context.Context, token string) (*oidc.IDToken, error) {
	var header struct{ Typ string }
	raw, err := base64.RawURLEncoding.DecodeString(strings.SplitN(token, ".", 2)[0])
	if err != nil || json.Unmarshal(raw, &header) != nil || header.Typ != "at+jwt" {
		return nil, errors.New("no access token")
	}
	return verifier.Verify(ctx, token)
}

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var claims json.RawMessage
		if token, err := verify(context.Background(), lines.Text()); err != nil || token.Claims(&claims) != nil {
			fmt.Println("refused: invalid")
		} else {
			fmt.Println(string(claims))
		}
	}
}
