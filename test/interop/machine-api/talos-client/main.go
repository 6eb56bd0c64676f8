// Asks a machine by Talos' own client library and prints what it understood, as one JSON document.
//
//	talos-client ADDRESS:PORT CA CERTIFICATE KEY
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cosi-project/runtime/pkg/resource"
	"github.com/cosi-project/runtime/pkg/controller/generic"
	"github.com/cosi-project/runtime/pkg/resource/meta"
	"github.com/cosi-project/runtime/pkg/resource/protobuf"
	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/cosi-project/runtime/pkg/state"
	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/client"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
	"github.com/siderolabs/talos/pkg/machinery/resources/hardware"
	"github.com/siderolabs/talos/pkg/machinery/resources/network"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var answers = map[string]any{}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c := open(ctx, os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	defer c.Close()

	call("version", func() (proto.Message, error) { return c.Version(ctx) })
	call("hostname", func() (proto.Message, error) { return c.MachineClient.Hostname(ctx, nil) })
	call("memory", func() (proto.Message, error) { return c.Memory(ctx) })
	call("cpuinfo", func() (proto.Message, error) { return c.MachineClient.CPUInfo(ctx, nil) })
	call("loadavg", func() (proto.Message, error) { return c.MachineClient.LoadAvg(ctx, nil) })
	call("systemstat", func() (proto.Message, error) { return c.MachineClient.SystemStat(ctx, nil) })
	call("diskstats", func() (proto.Message, error) { return c.MachineClient.DiskStats(ctx, nil) })
	call("mounts", func() (proto.Message, error) { return c.Mounts(ctx) })
	call("services", func() (proto.Message, error) { return c.ServiceList(ctx) })
	call("disks", func() (proto.Message, error) { return c.StorageClient.Disks(ctx, nil) })
	call("reset", func() (proto.Message, error) { return c.MachineClient.Reset(ctx, &machine.ResetRequest{}) })
	answers["dmesg"] = dmesg(ctx, c)
	answers["logs"] = logs(ctx, c)
	definitions(ctx, c)
	for _, kind := range []resource.Resource{
		block.NewDisk("", ""),
		hardware.NewSystemInformation(""),
		hardware.NewProcessorInfo(""),
		hardware.NewMemoryModuleInfo(""),
		hardware.NewPCIDeviceInfo(""),
		network.NewLinkStatus("", ""),
		network.NewAddressStatus("", ""),
		network.NewHostnameStatus("", ""),
		runtime.NewMachineStatus(),
	} {
		raw(ctx, c, kind.Metadata())
	}
	typed(ctx, c)
	answers["watch"] = watch(ctx, c)
	answers["reboot"] = reboot(ctx, c)
	must(json.NewEncoder(os.Stdout).Encode(answers))
}

func open(ctx context.Context, endpoint, ca, certificate, key string) *client.Client {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	must(err)
	authority, err := os.ReadFile(ca)
	must(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		must(fmt.Errorf("%s holds no certificate", ca))
	}
	c, err := client.New(ctx,
		client.WithEndpoints(endpoint),
		client.WithTLSConfig(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
	must(err)
	return c
}

// What was answered, or the error as text.
func call(name string, ask func() (proto.Message, error)) {
	message, err := ask()
	if err != nil {
		answers[name] = map[string]string{"error": err.Error()}
		return
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	must(err)
	answers[name] = json.RawMessage(text)
}

func dmesg(ctx context.Context, c *client.Client) string {
	stream, err := c.Dmesg(ctx, false, false)
	must(err)
	return text(stream.Recv)
}

func logs(ctx context.Context, c *client.Client) string {
	stream, err := c.Logs(ctx, "system", common.ContainerDriver_CONTAINERD, "agent", false, -1)
	must(err)
	return text(stream.Recv)
}

func text(next func() (*common.Data, error)) string {
	found := ""
	for {
		data, err := next()
		if err == io.EOF {
			return found
		}
		must(err)
		found += string(data.GetBytes())
	}
}

// The types that there are, as the tool reads them before any other.
func definitions(ctx context.Context, c *client.Client) {
	list, err := safe.StateListAll[*meta.ResourceDefinition](ctx, c.COSI)
	if err != nil {
		answers["definitions"] = err.Error()
		return
	}
	found := map[string]any{}
	for definition := range list.All() {
		found[definition.Metadata().ID()] = definition.TypedSpec()
	}
	answers["definitions"] = found
}

// Resources as the tool's tables and YAML are made of: without reading their protobuf.
func raw(ctx context.Context, c *client.Client, kind *resource.Metadata) {
	list, err := c.COSI.List(ctx,
		resource.NewMetadata(namespaceOf(kind), kind.Type(), "", resource.VersionUndefined),
		state.WithListUnmarshalOptions(state.WithSkipProtobufUnmarshal()))
	if err != nil {
		answers[kind.Type()] = map[string]string{"error": err.Error()}
		return
	}
	found := map[string]string{}
	for _, item := range list.Items {
		message, err := protobuf.FromResource(item)
		must(err)
		wire, err := message.Marshal()
		must(err)
		found[item.Metadata().ID()] = wire.GetSpec().GetYamlSpec()
	}
	answers[kind.Type()] = found
}

func namespaceOf(kind *resource.Metadata) string {
	if kind.Namespace() != "" {
		return kind.Namespace()
	}
	if kind.Type() == block.DiskType {
		return "runtime"
	}
	return "network"
}

// Resources as programs read them, which is from their protobuf.
func typed(ctx context.Context, c *client.Client) {
	answers["typed disks"] = all[*block.Disk](ctx, c)
	answers["typed systems"] = all[*hardware.SystemInformation](ctx, c)
	answers["typed processors"] = all[*hardware.Processor](ctx, c)
	answers["typed memory"] = all[*hardware.MemoryModule](ctx, c)
	answers["typed pci"] = all[*hardware.PCIDevice](ctx, c)
	answers["typed links"] = all[*network.LinkStatus](ctx, c)
	answers["typed addresses"] = all[*network.AddressStatus](ctx, c)
	answers["typed hostname"] = all[*network.HostnameStatus](ctx, c)
	answers["typed machine"] = all[*runtime.MachineStatus](ctx, c)
	answers["typed version"] = all[*runtime.Version](ctx, c)
	answers["typed cmdline"] = all[*runtime.KernelCmdline](ctx, c)
	answers["typed security"] = all[*runtime.SecurityState](ctx, c)
}

// The specs by id, as the library writes them in YAML.
func all[T interface {
	generic.ResourceWithRD
	Spec() any
}](ctx context.Context, c *client.Client) any {
	list, err := safe.StateListAll[T](ctx, c.COSI)
	if err != nil {
		return err.Error()
	}
	found := map[string]string{}
	for one := range list.All() {
		text, err := yaml.Marshal(one.Spec())
		must(err)
		found[one.Metadata().ID()] = string(text)
	}
	return found
}

func watch(ctx context.Context, c *client.Client) []string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan state.Event)
	kind := resource.NewMetadata("runtime", block.DiskType, "", resource.VersionUndefined)
	must(c.COSI.WatchKind(ctx, kind, events, state.WithBootstrapContents(true),
		state.WithWatchKindUnmarshalOptions(state.WithSkipProtobufUnmarshal())))
	seen := []string{}
	for event := range events {
		if event.Error != nil {
			return append(seen, event.Error.Error())
		}
		id := ""
		if event.Resource != nil {
			id = event.Resource.Metadata().ID()
		}
		seen = append(seen, fmt.Sprintf("%s %s", event.Type, id))
		if event.Type == state.Bootstrapped {
			break
		}
	}
	return seen
}

// Events of a reboot up to the one that ends it.
func reboot(ctx context.Context, c *client.Client) []string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan client.EventResult)
	must(c.EventsWatchV2(ctx, events))
	reply, err := c.RebootWithResponse(ctx)
	must(err)
	actor := reply.GetMessages()[0].GetActorId()
	seen := []string{}
	for result := range events {
		if result.Error != nil {
			return append(seen, result.Error.Error())
		}
		event := result.Event
		whose := "other"
		if event.ActorID == actor {
			whose = "own"
		}
		seen = append(seen, fmt.Sprintf("%s %T %v", whose, event.Payload, event.Payload))
		if sequence, ok := event.Payload.(*machine.SequenceEvent); ok && sequence.GetError() != nil {
			break
		}
	}
	return seen
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
