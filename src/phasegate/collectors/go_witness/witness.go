// Reads the test files of Go packages and writes copies of them whose tests say when they begin and end.
//
// Usage: go run witness.go PACKAGES FOLDER
//
// PACKAGES is a file as `go list -json` writes it. In FOLDER it leaves `overlay.json`, for `go test -overlay`, and
// `inventory.jsonl`: one line for each package. Nothing of the packages is run, and a file that cannot be parsed stays
// as it is: the compiler will say what is wrong with it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const fileLimit = 8 << 20

type listed struct {
	Dir, ImportPath           string
	TestGoFiles, XTestGoFiles []string
}

type test struct {
	Name string `json:"name"`
	File string `json:"file"`
	Line int    `json:"line"`
}

type inventory struct {
	Package  string                       `json:"package"`
	Tests    []test                       `json:"tests"`
	Declared []string                     `json:"declared"` // at the top level of test files
	Imports  map[string]map[string]string `json:"imports"`  // file -> name it is known by, or base of its path -> path
}

type edit struct {
	at, end int
	text    string
}

// Both the tests inside a package and those beside it (`package x_test`) get one of these. The variable with the process
// id keeps a test binary that a test starts again silent.
const witness = `package %s

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

var phasegatePath, phasegateNonce = func() (string, string) {
	me := strconv.Itoa(os.Getpid())
	if other := os.Getenv("PHASEGATE_WITNESS_PID"); other != "" && other != me {
		return "", ""
	}
	os.Setenv("PHASEGATE_WITNESS_PID", me)
	return os.Getenv("PHASEGATE_WITNESS"), os.Getenv("PHASEGATE_WITNESS_NONCE")
}()

func phasegateSays(kind, name string, failed, skipped bool) {
	if phasegatePath == "" {
		return
	}
	line, _ := json.Marshal(map[string]interface{}{
		"nonce": phasegateNonce, "package": %q, "test": name, "kind": kind, "failed": failed, "skipped": skipped,
	})
	file, err := os.OpenFile(phasegatePath, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		file.Write(append(line, '\n'))
		file.Close()
	}
}

func phasegateSees(t testing.TB, name string) func() {
	phasegateSays("enter", name, false, false)
	return func() {
		if t == nil {
			phasegateSays("left", name, false, false)
		} else {
			phasegateSays("left", name, t.Failed(), t.Skipped())
		}
	}
}
`

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("two arguments: PACKAGES FOLDER"))
	}
	packages, err := os.Open(os.Args[1])
	fail(err)
	folder := os.Args[2]
	replaced := map[string]string{}
	found, err := os.Create(filepath.Join(folder, "inventory.jsonl"))
	fail(err)
	lines := json.NewEncoder(found)
	decoder := json.NewDecoder(packages)
	for {
		var each listed
		if err := decoder.Decode(&each); err == io.EOF {
			break
		} else {
			fail(err)
		}
		fail(lines.Encode(read(each, folder, replaced)))
	}
	fail(found.Close())
	overlay, err := json.Marshal(map[string]interface{}{"Replace": replaced})
	fail(err)
	fail(os.WriteFile(filepath.Join(folder, "overlay.json"), overlay, 0o600))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
		os.Exit(2)
	}
}

// read takes stock of one package, and puts the copies of its test files into `folder`.
func read(each listed, folder string, replaced map[string]string) inventory {
	all := inventory{Package: each.ImportPath, Tests: []test{}, Declared: []string{}, Imports: map[string]map[string]string{}}
	for kind, names := range map[string][]string{"": each.TestGoFiles, "_x": each.XTestGoFiles} {
		witnessed := ""
		for _, name := range names {
			path := filepath.Join(each.Dir, name)
			source, err := os.ReadFile(path)
			if err != nil || len(source) > fileLimit {
				continue
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, source, parser.ParseComments|parser.SkipObjectResolution)
			if file == nil || file.Name == nil {
				continue
			}
			edits := all.takeStock(files, file, name)
			if err != nil || len(edits) == 0 {
				continue
			}
			witnessed = file.Name.Name
			replaced[path] = put(folder, len(replaced), edited(source, edits))
		}
		if witnessed != "" {
			text := fmt.Sprintf(witness, witnessed, each.ImportPath)
			replaced[filepath.Join(each.Dir, "phasegate_witness"+kind+"_test.go")] = put(folder, len(replaced), []byte(text))
		}
	}
	return all
}

// takeStock adds what `file` declares to `all`, and returns what its copy has more.
func (all *inventory) takeStock(files *token.FileSet, file *ast.File, name string) []edit {
	all.Imports[name] = imports(file)
	examples := map[string]bool{}
	for _, example := range doc.Examples(file) {
		examples["Example"+example.Name] = example.Output != "" || example.EmptyOutput
	}
	edits := []edit{}
	for _, declaration := range file.Decls {
		all.Declared = append(all.Declared, declared(declaration)...)
		function, isFunction := declaration.(*ast.FuncDecl)
		if !isFunction || function.Recv != nil || function.Body == nil || function.Type.TypeParams != nil {
			continue
		}
		own := function.Name.Name
		parameter, renamed, takesTest := parameterOf(files, function)
		switch {
		case takesTest && (isNamed(own, "Test") && own != "TestMain" || isNamed(own, "Fuzz")):
		case examples[own]:
			parameter = "nil"
		default:
			continue
		}
		all.Tests = append(all.Tests, test{own, name, files.Position(function.Pos()).Line})
		start := files.Position(function.Body.Lbrace).Offset + 1
		edits = append(edits, renamed...)
		edits = append(edits, edit{start, start, fmt.Sprintf(" defer phasegateSees(%s, %q)(); ", parameter, own)})
	}
	return edits
}

// isNamed is the rule of the go command: TestX, Test_x and Test, but not Testify.
func isNamed(name, prefix string) bool {
	if !strings.HasPrefix(name, prefix) {
		return false
	}
	first, _ := utf8.DecodeRuneInString(name[len(prefix):])
	return len(name) == len(prefix) || !unicode.IsLower(first)
}

// parameterOf is the name of a test's only parameter, a pointer to T or F of a package, and the edits that name it.
func parameterOf(files *token.FileSet, function *ast.FuncDecl) (string, []edit, bool) {
	fields := function.Type.Params.List
	if len(fields) != 1 || len(fields[0].Names) > 1 || function.Type.Results != nil {
		return "", nil, false
	}
	star, isPointer := fields[0].Type.(*ast.StarExpr)
	if !isPointer {
		return "", nil, false
	}
	kind := ""
	switch named := star.X.(type) {
	case *ast.Ident:
		kind = named.Name
	case *ast.SelectorExpr:
		kind = named.Sel.Name
	}
	if kind != "T" && kind != "F" {
		return "", nil, false
	}
	if len(fields[0].Names) == 0 {
		at := files.Position(fields[0].Type.Pos()).Offset
		return "phasegateT", []edit{{at, at, "phasegateT "}}, true
	}
	name := fields[0].Names[0]
	if name.Name == "_" {
		at := files.Position(name.Pos()).Offset
		return "phasegateT", []edit{{at, at + 1, "phasegateT"}}, true
	}
	return name.Name, nil, true
}

func imports(file *ast.File) map[string]string {
	found := map[string]string{}
	for _, each := range file.Imports {
		path, err := strconv.Unquote(each.Path.Value)
		if err != nil {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if each.Name != nil {
			name = each.Name.Name
		}
		found[name] = path
	}
	return found
}

func declared(declaration ast.Decl) []string {
	names := []string{}
	switch it := declaration.(type) {
	case *ast.FuncDecl:
		names = append(names, it.Name.Name)
	case *ast.GenDecl:
		for _, each := range it.Specs {
			switch spec := each.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

func edited(source []byte, edits []edit) []byte {
	sort.SliceStable(edits, func(a, b int) bool { return edits[a].at < edits[b].at })
	text, at := []byte{}, 0
	for _, each := range edits {
		text = append(append(text, source[at:each.at]...), each.text...)
		at = each.end
	}
	return append(text, source[at:]...)
}

func put(folder string, number int, content []byte) string {
	path := filepath.Join(folder, strconv.Itoa(number)+"_test.go")
	fail(os.WriteFile(path, content, 0o600))
	return path
}
