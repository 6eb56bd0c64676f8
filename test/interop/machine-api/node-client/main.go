// Leads a node through its life by Talos' own client library, a step per call, and prints what it understood as JSON.
//
//	node-client maintenance ADDRESS FINGERPRINT CONFIG
//	node-client running     TALOSCONFIG
//	node-client upgrade     TALOSCONFIG IMAGE
//	node-client rollback    TALOSCONFIG
//	node-client reset       TALOSCONFIG
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/client"
	clientconfig "github.com/siderolabs/talos/pkg/machinery/client/config"
	"github.com/siderolabs/talos/pkg/machinery/resources/block"
	"github.com/siderolabs/talos/pkg/machinery/resources/runtime"
	"google.golang.org/grpc/codes"
)

var answers = map[string]any{}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch os.Args[1] {
	case "maintenance":
		maintenance(ctx, os.Args[2], os.Args[3], os.Args[4])
	case "running":
		running(ctx, open(ctx))
	case "upgrade":
		upgrade(ctx, open(ctx), os.Args[3])
	case "rollback":
		rollback(ctx, open(ctx))
	case "reset":
		reset(ctx, open(ctx))
	}
	must(json.NewEncoder(os.Stdout).Encode(answers))
}

// By the file that an operator is handed.
func open(ctx context.Context) *client.Client {
	config, err := clientconfig.Open(os.Args[2])
	must(err)
	c, err := client.New(ctx, client.WithConfig(config))
	must(err)
	return c
}

// As talosctl does with --insecure and --cert-fingerprint.
func maintenance(ctx context.Context, address, fingerprint, config string) {
	c, err := client.New(ctx, client.WithEndpoints(address), client.WithTLSConfig(&tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			leaf := state.PeerCertificates[0]
			hash := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
			if base64.StdEncoding.EncodeToString(hash[:]) != fingerprint {
				return errors.New("another fingerprint")
			}
			answers["name"] = leaf.Subject.CommonName
			answers["algorithm"] = leaf.PublicKeyAlgorithm.String()
			answers["hours"] = int(leaf.NotAfter.Sub(time.Now()).Hours() + 0.5)
			return leaf.VerifyHostname("127.0.0.1")
		},
		MinVersion: tls.VersionTLS12,
	}))
	must(err)
	defer c.Close()
	version, err := c.Version(ctx)
	must(err)
	answers["tag"] = version.GetMessages()[0].GetVersion().GetTag()
	answers["mode"] = version.GetMessages()[0].GetPlatform().GetMode()
	disks, err := safe.StateListAll[*block.Disk](ctx, c.COSI)
	must(err)
	serials := []string{}
	for disk := range disks.All() {
		serials = append(serials, disk.TypedSpec().Serial)
	}
	answers["serials"] = serials
	status, err := safe.StateGetByID[*runtime.MachineStatus](ctx, c.COSI, runtime.MachineStatusID)
	must(err)
	answers["stage"] = status.TypedSpec().Stage.String()
	_, err = c.RebootWithResponse(ctx)
	answers["reboot"] = client.StatusCode(err).String()
	text, err := os.ReadFile(config)
	must(err)
	_, err = c.ApplyConfiguration(ctx, &machine.ApplyConfigurationRequest{Data: []byte("version: v1alpha1\n")})
	answers["wrong"] = client.StatusCode(err).String()
	applied, err := c.ApplyConfiguration(ctx, &machine.ApplyConfigurationRequest{
		Data: text, Mode: machine.ApplyConfigurationRequest_AUTO,
	})
	must(err)
	answers["applied"] = applied.GetMessages()[0].GetMode().String()
}

func running(ctx context.Context, c *client.Client) {
	defer c.Close()
	// Too early is answered until etcd waits for it.
	for {
		err := c.Bootstrap(ctx, &machine.BootstrapRequest{})
		if client.StatusCode(err) == codes.FailedPrecondition {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		must(err)
		break
	}
	answers["again"] = client.StatusCode(c.Bootstrap(ctx, &machine.BootstrapRequest{})).String()
	version, err := c.Version(ctx)
	must(err)
	answers["tag"] = version.GetMessages()[0].GetVersion().GetTag()
	for {
		status, err := safe.StateGetByID[*runtime.MachineStatus](ctx, c.COSI, runtime.MachineStatusID)
		must(err)
		if status.TypedSpec().Status.Ready {
			answers["stage"] = status.TypedSpec().Stage.String()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	services, err := c.ServiceInfo(ctx, "etcd")
	must(err)
	answers["etcd"] = services[0].Service.GetState()
	members, err := c.EtcdMemberList(ctx, &machine.EtcdMemberListRequest{})
	must(err)
	answers["members"] = len(members.GetMessages()[0].GetMembers())
	status, err := c.EtcdStatus(ctx)
	must(err)
	own := status.GetMessages()[0].GetMemberStatus()
	answers["leads"] = own.GetLeader() == own.GetMemberId()
	kubeconfig, err := c.Kubeconfig(ctx)
	must(err)
	answers["kubeconfig"] = string(kubeconfig)
	made, err := c.GenerateClientConfiguration(ctx, &machine.GenerateClientConfigurationRequest{Roles: []string{"os:reader"}})
	must(err)
	parsed, err := clientconfig.FromString(string(made.GetMessages()[0].GetTalosconfig()))
	must(err)
	reader, err := client.New(ctx, client.WithConfig(parsed))
	must(err)
	defer reader.Close()
	_, err = reader.ServiceList(ctx)
	answers["reader lists"] = client.StatusCode(err).String()
	answers["reader resets"] = client.StatusCode(reader.Reset(ctx, false, true)).String()
	must(c.MetaWrite(ctx, 12, []byte("note")))
	must(c.MetaDelete(ctx, 12))
	answers["meta"] = client.StatusCode(c.MetaDelete(ctx, 12)).String()
	snapshot, err := c.EtcdSnapshot(ctx, &machine.EtcdSnapshotRequest{})
	must(err)
	bytes, err := io.ReadAll(snapshot)
	must(err)
	answers["snapshot"] = len(bytes) > 0
}

// As talosctl does it since 1.13: pull, install beside, reboot.
func upgrade(ctx context.Context, c *client.Client, image string) {
	defer c.Close()
	system := &common.ContainerdInstance{Driver: common.ContainerDriver_CRI, Namespace: common.ContainerdNamespace_NS_SYSTEM}
	pull, err := c.ImageClient.Pull(ctx, &machine.ImageServicePullRequest{Containerd: system, ImageRef: image})
	must(err)
	name := ""
	for {
		message, err := pull.Recv()
		if err == io.EOF {
			break
		}
		must(err)
		if message.GetName() != "" {
			name = message.GetName()
		}
	}
	answers["pulled"] = name
	stream, err := c.LifecycleClient.Upgrade(ctx, &machine.LifecycleServiceUpgradeRequest{
		Containerd: system, Source: &machine.InstallArtifactsSource{ImageName: name},
	})
	must(err)
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			break
		}
		must(err)
		if exit, ok := message.GetProgress().GetResponse().(*machine.LifecycleServiceInstallProgress_ExitCode); ok {
			answers["exit"] = exit.ExitCode
		}
	}
	ended(ctx, c, func() string {
		reply, err := c.RebootWithResponse(ctx)
		must(err)
		return reply.GetMessages()[0].GetActorId()
	})
}

func rollback(ctx context.Context, c *client.Client) {
	defer c.Close()
	ended(ctx, c, func() string {
		must(c.Rollback(ctx))
		return ""
	})
}

func reset(ctx context.Context, c *client.Client) {
	defer c.Close()
	ended(ctx, c, func() string {
		reply, err := c.ResetGenericWithResponse(ctx, &machine.ResetRequest{Mode: machine.ResetRequest_SYSTEM_DISK})
		must(err)
		return reply.GetMessages()[0].GetActorId()
	})
}

// The error by which a sequence of that actor tells its end.
func ended(ctx context.Context, c *client.Client, begin func() string) {
	events := make(chan client.EventResult)
	must(c.EventsWatchV2(ctx, events))
	actor := begin()
	for result := range events {
		must(result.Error)
		sequence, ok := result.Event.Payload.(*machine.SequenceEvent)
		if !ok || sequence.GetError() == nil {
			continue
		}
		// A rollback answers with no actor, and may cut off a boot, which is told too.
		if isOwn := result.Event.ActorID == actor || (actor == "" && sequence.GetSequence() == "reboot"); !isOwn {
			continue
		}
		answers["sequence"] = sequence.GetSequence()
		answers["end"] = sequence.GetError().GetMessage()
		return
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
