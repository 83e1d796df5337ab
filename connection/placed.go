package connection

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"waybill/fault"
	"waybill/secret"
)

// Placed is a file of a folder in which an administrator places connections for
// everybody on a computer.
type Placed struct {
	Path string
	File
	Fault *fault.Fault // why the file is not used; File is empty then
}

// Limits of a folder of placed connections (S106).
const (
	maxPlaced     = 200
	maxSecretFile = 16 << 10 // bytes; a private key is some 2 KiB
)

// PlacedFolders are the folders that connections are placed in, those that go
// before others first: on Linux and its like waybill/connections.d below each of
// XDG_CONFIG_DIRS (/etc/xdg), on macOS /Library/Application
// Support/Waybill/connections, on Windows Waybill\connections in %ProgramData%.
// getenv is usually os.Getenv.
func PlacedFolders(getenv func(string) string) []string {
	switch runtime.GOOS {
	case "darwin":
		return []string{"/Library/Application Support/Waybill/connections"}
	case "windows":
		if data := getenv("ProgramData"); filepath.IsAbs(data) {
			return []string{filepath.Join(data, "Waybill", "connections")}
		}
		return nil
	}
	var out []string
	for _, dir := range filepath.SplitList(getenv("XDG_CONFIG_DIRS")) {
		if filepath.IsAbs(dir) {
			out = append(out, filepath.Join(dir, "waybill", "connections.d"))
		}
	}
	if out == nil {
		out = []string{"/etc/xdg/waybill/connections.d"}
	}
	return out
}

// ReadPlaced reads the connections in the folders: of each the files that end in
// .json, in the order of their names, one connection each. A file that is of no
// use comes with its Fault and does not stop the others; a folder that is not
// there has none. Where a name is there twice the first one counts, and the other
// is a Fault.
//
// A file, its folder and every secret file must belong to the administrator or
// to the user and be writable by nobody else, since whoever can write them
// decides where the user's session is sent. A client_secret or private_key is
// ${NAME} as in every connection file, or file:/path, a file that holds nothing
// else and that others may not read. Only here: any other file comes from
// anybody, who could have a file of the user's sent to a server of theirs.
func ReadPlaced(folders []string, lookup func(name string) (string, bool)) []Placed {
	var out []Placed
	seen := map[string]string{}
	for _, folder := range folders {
		for _, p := range readFolder(folder, lookup) {
			name := p.Connection.Name
			if first, twice := seen[name]; twice && p.Fault == nil {
				p = Placed{Path: p.Path, Fault: wrong("name_taken", fmt.Sprintf("The connection %q is placed twice; the one in %s counts.", name, fault.Clean(first, 200))).
					About(string(FieldName)).WithRemedy("Ask your administrator to give it another name.")}
			}
			if p.Fault == nil {
				seen[name] = p.Path
			}
			out = append(out, p)
		}
	}
	return out
}

func readFolder(folder string, lookup func(string) (string, bool)) []Placed {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = trustFolder(folder)
	}
	if err != nil {
		return []Placed{{Path: folder, Fault: unusable(folder, err)}}
	}
	var out []Placed
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(folder, e.Name())
		if len(out) == maxPlaced {
			return append(out, Placed{Path: path, Fault: wrong("too_many", fmt.Sprintf("There are more than %d connections in %s; this one and those after it are not used.", maxPlaced, fault.Clean(folder, 200)))})
		}
		p := Placed{Path: path}
		if p.File, err = readPlacedFile(path, lookup); err != nil {
			p.File, p.Fault = File{}, fault.As(err)
		}
		out = append(out, p)
	}
	return out
}

func trustFolder(folder string) error {
	info, err := os.Stat(folder)
	if err == nil && !trusted(info) {
		err = errUntrusted
	}
	return err
}

func readPlacedFile(path string, lookup func(string) (string, bool)) (File, error) {
	data, err := readTrusted(path, MaxFileSize, false)
	if err != nil {
		return File{}, unusable(path, err)
	}
	f, err := parse(data, func(field Field, ref string) (secret.Text, string, error) {
		if named, ok := strings.CutPrefix(ref, "file:"); ok {
			return secretFile(field, named)
		}
		value, name, err := Reference(field, ref, lookup)
		return value, "the environment variable " + name, err
	})
	if err == nil && IsBuiltIn(f.Connection.Name) {
		err = wrong("name_taken", fmt.Sprintf("The name %q belongs to the built-in playground.", f.Connection.Name)).About(string(FieldName))
	}
	return f, err
}

var (
	errUntrusted  = errors.New("connection: others may write it")
	errReadable   = errors.New("connection: others may read it")
	errNotRegular = errors.New("connection: not a plain file")
	errTooLarge   = errors.New("connection: too large")
)

// readTrusted reads a file of the administrator's or the user's. What is no
// plain file is not waited for.
func readTrusted(path string, limit int64, private bool) ([]byte, error) {
	f, err := openAtOnce(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	case info.Size() > limit:
		return nil, errTooLarge
	case !trusted(info):
		return nil, errUntrusted
	case private && open(info):
		return nil, errReadable
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

func secretFile(field Field, path string) (secret.Text, string, error) {
	refuse := func(code, why, remedy string) (secret.Text, string, error) {
		return secret.Text{}, "", wrong(code, fmt.Sprintf("The secret file that %q names %s.", field, why)).About(string(field)).WithRemedy(remedy)
	}
	if !filepath.IsAbs(path) {
		return refuse("secret_file", "has no absolute path", "Write it as file:/path.")
	}
	data, err := readTrusted(path, maxSecretFile, true)
	if err != nil {
		f := unusable(path, err)
		return refuse(f.Code, strings.TrimPrefix(f.Message, "The file "), f.Remedy)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return refuse("secret_file", "is empty", "Put the secret into it.")
	}
	return secret.New(text), "in the file " + path, nil
}

// unusable is the Fault of a file or folder that must not or cannot be read.
func unusable(path string, err error) *fault.Fault {
	code, why, remedy := "unreadable", "cannot be read", "Ask your administrator to look at it."
	switch {
	case errors.Is(err, errUntrusted):
		code, why, remedy = "untrusted", "may be written by others", "It must belong to the administrator and be writable by nobody else."
	case errors.Is(err, errReadable):
		code, why, remedy = "readable", "may be read by everybody", "Nobody but its owner and its group may read it."
	case errors.Is(err, errNotRegular):
		code, why = "not_a_file", "is no plain file"
	case errors.Is(err, errTooLarge):
		code, why = "too_large", "is too large"
	case errors.Is(err, fs.ErrNotExist):
		code, why = "missing", "does not exist"
	case errors.Is(err, fs.ErrPermission):
		why, remedy = "may not be read by you", "Ask your administrator to let you read it."
	}
	return wrong(code, fmt.Sprintf("The file %s %s.", fault.Clean(path, 200), why)).WithRemedy(remedy).Because(err)
}
