// Prints messages of Talos' machine API as Talos' own generated code encodes them: for each method whose path stands on
// the standard input, one line of JSON for every sample of its request and its response. A sample has a value in every
// field; where a message has a oneof there is a sample for each of its members.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	_ "github.com/cosi-project/runtime/api/v1alpha1"
	_ "github.com/siderolabs/talos/pkg/machinery/api/cluster"
	_ "github.com/siderolabs/talos/pkg/machinery/api/common"
	_ "github.com/siderolabs/talos/pkg/machinery/api/machine"
	_ "github.com/siderolabs/talos/pkg/machinery/api/storage"
	_ "github.com/siderolabs/talos/pkg/machinery/api/time"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Messages nest a few levels; a cycle would never end.
const maxDepth = 6

type line struct {
	Message string `json:"message"`
	Hex     string `json:"hex"`
	Value   any    `json:"value"`
}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	must(out.Encode(map[string]string{"module": moduleVersion()}))
	seen := map[protoreflect.FullName]bool{}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		name := strings.TrimSpace(input.Text())
		for _, message := range messagesOf(name) {
			if seen[message.FullName()] {
				continue
			}
			seen[message.FullName()] = true
			for choice := 0; choice < choices(message, map[protoreflect.FullName]bool{}); choice++ {
				number := 0
				sample := build(message, choice, &number, 0)
				bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(sample.Interface())
				must(err)
				must(out.Encode(line{string(message.FullName()), hex.EncodeToString(bytes), plain(sample)}))
			}
		}
	}
}

// A method's request and response by its path, or the message of that name.
func messagesOf(name string) []protoreflect.MessageDescriptor {
	service, method, isMethod := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return nil
	}
	if !isMethod {
		return []protoreflect.MessageDescriptor{found.(protoreflect.MessageDescriptor)}
	}
	described := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
	if described == nil {
		fmt.Fprintf(os.Stderr, "%s: there is no such method\n", name)
		return nil
	}
	return []protoreflect.MessageDescriptor{described.Input(), described.Output()}
}

// How many samples show every member of every oneof.
func choices(message protoreflect.MessageDescriptor, above map[protoreflect.FullName]bool) int {
	if above[message.FullName()] {
		return 1
	}
	above[message.FullName()] = true
	defer delete(above, message.FullName())
	most := 1
	for i := 0; i < message.Oneofs().Len(); i++ {
		most = max(most, message.Oneofs().Get(i).Fields().Len())
	}
	for i := 0; i < message.Fields().Len(); i++ {
		if inner := message.Fields().Get(i).Message(); inner != nil {
			most = max(most, choices(inner, above))
		}
	}
	return most
}

func build(descriptor protoreflect.MessageDescriptor, choice int, number *int, depth int) protoreflect.Message {
	message := newMessage(descriptor)
	if depth > maxDepth {
		return message
	}
	for i := 0; i < descriptor.Fields().Len(); i++ {
		field := descriptor.Fields().Get(i)
		if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
			if oneof.Fields().Get(choice%oneof.Fields().Len()) != field {
				continue
			}
		}
		switch {
		case field.IsMap():
			entries := message.Mutable(field).Map()
			key := scalar(field.MapKey(), number).MapKey()
			entries.Set(key, valueOf(field.MapValue(), choice, number, depth))
		case field.IsList():
			list := message.Mutable(field).List()
			list.Append(valueOf(field, choice, number, depth))
			list.Append(valueOf(field, choice, number, depth))
		default:
			message.Set(field, valueOf(field, choice, number, depth))
		}
	}
	return message
}

func newMessage(descriptor protoreflect.MessageDescriptor) protoreflect.Message {
	if known, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName()); err == nil {
		return known.New()
	}
	return dynamicpb.NewMessage(descriptor)
}

func valueOf(field protoreflect.FieldDescriptor, choice int, number *int, depth int) protoreflect.Value {
	if field.Message() != nil {
		return protoreflect.ValueOfMessage(build(field.Message(), choice, number, depth+1))
	}
	return scalar(field, number)
}

// Another value for each field of a sample, so that two that changed places are seen.
func scalar(field protoreflect.FieldDescriptor, number *int) protoreflect.Value {
	*number++
	n := *number
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(values.Len() - 1).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(-int32(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(1<<31 + uint32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(-(1 << 60) - int64(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(1<<63 + uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n) + 0.5)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n) + 0.25)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{0, byte(n), 255})
	default:
		return protoreflect.ValueOfString(fmt.Sprintf("%s %d", field.Name(), n))
	}
}

// With the names of the protocol's files: 64-bit numbers as text, bytes in base64, words of enumerations.
func plain(message protoreflect.Message) map[string]any {
	value := map[string]any{}
	message.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := string(field.Name())
		switch {
		case field.IsMap():
			entries := map[string]any{}
			v.Map().Range(func(key protoreflect.MapKey, entry protoreflect.Value) bool {
				entries[key.String()] = single(field.MapValue(), entry)
				return true
			})
			value[name] = entries
		case field.IsList():
			list := []any{}
			for i := 0; i < v.List().Len(); i++ {
				list = append(list, single(field, v.List().Get(i)))
			}
			value[name] = list
		default:
			value[name] = single(field, v)
		}
		return true
	})
	return value
}

func single(field protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return plain(v.Message())
	case protoreflect.EnumKind:
		if word := field.Enum().Values().ByNumber(v.Enum()); word != nil {
			return string(word.Name())
		}
		return int32(v.Enum())
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return v.String()
	default:
		return v.Interface()
	}
}

func moduleVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/siderolabs/talos/pkg/machinery" {
			return module.Path + " " + module.Version
		}
	}
	return ""
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
