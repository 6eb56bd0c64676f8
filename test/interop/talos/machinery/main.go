// Answers questions about Talos' files by Talos' own packages: a list of questions as JSON on the standard input, a
// list of answers on the standard output.
package main

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	clientconfig "github.com/siderolabs/talos/pkg/machinery/client/config"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/configpatcher"
	"github.com/siderolabs/talos/pkg/machinery/config/encoder"
	"github.com/siderolabs/talos/pkg/machinery/config/generate"
	"github.com/siderolabs/talos/pkg/machinery/config/generate/secrets"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"
	"go.yaml.in/yaml/v4"
)

type question struct {
	Kind       string
	Text       string
	Patch      string
	Secrets    string
	Contract   string
	Role       string
	Name       string
	Endpoint   string
	Kubernetes string
	Disk       string
	Image      string
	Values     []any
}

type answer struct {
	Text     string   `json:"text,omitempty"`
	Texts    []string `json:"texts,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Error    string   `json:"error,omitempty"`
}

// A machine of metal: it has to be installed.
type metal struct{}

func (metal) String() string        { return "metal" }
func (metal) RequiresInstall() bool { return true }
func (metal) InContainer() bool     { return false }

func main() {
	var questions []question
	must(json.NewDecoder(os.Stdin).Decode(&questions))
	answers := []answer{}
	for _, q := range questions {
		a, err := reply(q)
		if err != nil {
			a.Error = err.Error()
		}
		answers = append(answers, a)
	}
	must(json.NewEncoder(os.Stdout).Encode(answers))
}

func reply(q question) (answer, error) {
	switch q.Kind {
	case "version":
		return answer{Text: moduleVersion()}, nil
	case "validate":
		provider, err := configloader.NewFromBytes([]byte(q.Text))
		if err != nil {
			return answer{}, err
		}
		warnings, err := provider.Validate(metal{})
		return answer{Warnings: warnings}, err
	case "normal":
		provider, err := configloader.NewFromBytes([]byte(q.Text))
		if err != nil {
			return answer{}, err
		}
		return encoded(provider)
	case "patch":
		patch, err := configpatcher.LoadPatch([]byte(q.Patch))
		if err != nil {
			return answer{}, err
		}
		output, err := configpatcher.Apply(configpatcher.WithBytes([]byte(q.Text)), []configpatcher.Patch{patch})
		if err != nil {
			return answer{}, err
		}
		provider, err := output.Config()
		if err != nil {
			return answer{}, err
		}
		return encoded(provider)
	case "generate":
		return generated(q)
	case "secrets":
		bundle, err := bundleOf(q.Text)
		if err != nil {
			return answer{}, err
		}
		text, err := yaml.Marshal(bundle)
		return answer{Text: string(text)}, err
	case "talosconfig":
		return talosconfig(q.Text)
	case "client":
		return answer{}, isClient([]byte(q.Text), []byte(q.Secrets))
	case "yaml":
		texts := []string{}
		for _, value := range q.Values {
			text, err := yaml.Marshal(value)
			if err != nil {
				return answer{}, err
			}
			texts = append(texts, string(text))
		}
		return answer{Texts: texts}, nil
	}
	return answer{}, fmt.Errorf("no question %q", q.Kind)
}

func moduleVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/siderolabs/talos/pkg/machinery" {
			return module.Version
		}
	}
	return ""
}

func encoded(provider config.Provider) (answer, error) {
	text, err := provider.EncodeString(encoder.WithComments(encoder.CommentsDisabled))
	return answer{Text: text}, err
}

func bundleOf(text string) (*secrets.Bundle, error) {
	folder, err := os.MkdirTemp("", "talos-machinery-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "secrets.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	bundle, err := secrets.LoadBundle(file)
	if err != nil {
		return nil, err
	}
	// From 1.14 on it asks for which release.
	switch validate := any(bundle.Validate).(type) {
	case func() error:
		return bundle, validate()
	case func(*config.VersionContract) error:
		return bundle, validate(nil)
	}
	return nil, fmt.Errorf("bundles are validated in another way")
}

func generated(q question) (answer, error) {
	contract, err := config.ParseContractFromVersion(q.Contract)
	if err != nil {
		return answer{}, err
	}
	bundle, err := bundleOf(q.Secrets)
	if err != nil {
		return answer{}, err
	}
	input, err := generate.NewInput(q.Name, q.Endpoint, q.Kubernetes,
		generate.WithVersionContract(contract), generate.WithSecretsBundle(bundle),
		generate.WithInstallDisk(q.Disk), generate.WithInstallImage(q.Image))
	if err != nil {
		return answer{}, err
	}
	role, err := machine.ParseType(q.Role)
	if err != nil {
		return answer{}, err
	}
	provider, err := input.Config(role)
	if err != nil {
		return answer{}, err
	}
	return encoded(provider)
}

// The endpoints, after the client certificate was found to be one.
func talosconfig(text string) (answer, error) {
	read, err := clientconfig.FromString(text)
	if err != nil {
		return answer{}, err
	}
	context, ok := read.Contexts[read.Context]
	if !ok {
		return answer{}, fmt.Errorf("no context %q", read.Context)
	}
	ca, err := base64.StdEncoding.DecodeString(context.CA)
	if err != nil {
		return answer{}, err
	}
	crt, err := base64.StdEncoding.DecodeString(context.Crt)
	if err != nil {
		return answer{}, err
	}
	return answer{Texts: context.Endpoints}, isClient(crt, ca)
}

// Is the certificate signed by the CA, and for clients?
func isClient(crt, ca []byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return fmt.Errorf("the CA is none")
	}
	block, _ := pem.Decode(crt)
	if block == nil {
		return fmt.Errorf("the certificate is none")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots:       roots,
		CurrentTime: time.Now(),
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
