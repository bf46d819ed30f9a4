// A stand-in for libnvrtc: compiles CUDA C++ with g++ as C++ of this processor, with headers of its own in include/.
// What it gives as PTX is the path of the library. Compiled kernels are kept in STAND_IN_CACHE.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace {

struct Program {
    std::string source, log, image;
};

std::string folder_of_this() {
    Dl_info info;
    dladdr(reinterpret_cast<void *>(&folder_of_this), &info);
    std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/'));
}

std::string setting(const char *name, const std::string &otherwise) {
    const char *value = std::getenv(name);
    return value && *value ? value : otherwise;
}

uint64_t digest(const std::string &text) {
    uint64_t hash = 14695981039346656037ull;
    for (unsigned char byte : text) hash = (hash ^ byte) * 1099511628211ull;
    return hash;
}

bool contains(const std::string &text, const char *part) { return text.find(part) != std::string::npos; }

// How a kernel must be run: each unit alone, the units of a cube together, or all cubes together.
char mode_of(const std::string &source) {
    bool meets = contains(source, "__sync") || contains(source, "_sync(") || contains(source, "cp.async") || contains(source, "mma.");
    bool waits = contains(source, "volatile uint32_t") || contains(source, "atom.") || contains(source, "atomicExch");
    return meets ? (waits ? 'c' : 'b') : 'a';
}

// Assembly becomes calls of functions: asm volatile("add.u32 $0, ..." : "=r"(a) : "r"(b) : ...) is
// STAND_IN_ASM("add.u32 ...", a, b).
std::string without_assembly(std::string source) {
    static const std::regex start(R"(asm\s*(volatile)?\s*\()");
    std::string result;
    std::smatch match;
    while (std::regex_search(source, match, start)) {
        result += match.prefix();
        std::string rest = match.suffix();
        int depth = 1;
        size_t end = 0;
        bool quoted = false;
        for (; end < rest.size() && depth > 0; end++) {
            char c = rest[end];
            if (c == '\\' && quoted) { end++; continue; }
            if (c == '"') quoted = !quoted;
            if (quoted) continue;
            depth += (c == '(') - (c == ')');
        }
        std::string inside = rest.substr(0, end - 1);
        static const std::regex operand(R"re("[=+]?[a-zA-Z&]+"\s*(\())re");
        // The template: adjacent string literals up to the first colon outside of quotes.
        size_t at = 0;
        quoted = false;
        for (; at < inside.size(); at++) {
            if (inside[at] == '\\' && quoted) { at++; continue; }
            if (inside[at] == '"') quoted = !quoted;
            if (inside[at] == ':' && !quoted) break;
        }
        std::string call = "STAND_IN_ASM(" + inside.substr(0, at);
        std::string operands = at < inside.size() ? inside.substr(at) : "";
        std::smatch found;
        while (std::regex_search(operands, found, operand)) {
            std::string tail = found.suffix();
            int deep = 1;
            size_t stop = 0;
            for (; stop < tail.size() && deep > 0; stop++) deep += (tail[stop] == '(') - (tail[stop] == ')');
            call += ", " + tail.substr(0, stop - 1);
            operands = tail.substr(stop);
        }
        result += call + ")";
        source = rest.substr(end);
    }
    return result + source;
}

std::string translated(const std::string &original) {
    static const std::regex shared(R"(extern __shared__ __align__\(\d+\) char (\w+)\[\];)");
    std::string source = std::regex_replace(original, shared, "char* const $1 = ::stand_in_table.position->shared;");
    std::smatch name;
    std::string entry;
    size_t at = original.find("__global__");
    if (at != std::string::npos) {
        std::string tail = original.substr(at);
        static const std::regex named(R"(__global__\s+void\s+__launch_bounds__\([^)]*\)\s*(?:__cluster_dims__\([^)]*\))?\s*(\w+)\s*\()");
        if (std::regex_search(tail, name, named)) entry = name[1];
    }
    // Who polls lets others go on.
    static const std::regex polled(R"((volatile uint\d+_t const\* tmp = ))");
    source = std::regex_replace(source, polled, "::stand_in_table.yield(); $1");
    source = without_assembly(source);
    std::ostringstream out;
    // CubeCL defines its own types of 64 bits.
    out << "#include <stand_in.h>\n#define int64_t cuda_int64_t\n#define uint64_t cuda_uint64_t\n" << source << "\nSTAND_IN_KERNEL(" << entry << ", '" << mode_of(original) << "')\n";
    return out.str();
}

std::string output_of(const std::string &command, int &status) {
    std::string text;
    std::array<char, 4096> buffer;
    FILE *pipe = popen((command + " 2>&1").c_str(), "r");
    if (!pipe) return status = 1, "no shell";
    while (size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), count);
    status = pclose(pipe);
    return text;
}

int compile(Program &program) {
    std::string here = folder_of_this();
    std::string cache = setting("STAND_IN_CACHE", "/tmp/cuda-stand-in");
    mkdir(cache.c_str(), 0755);
    std::string text = translated(program.source);
    char name[32];
    std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(digest(text)));
    std::string base = cache + "/" + name;
    program.image = "stand-in:" + base + ".so";
    if (access((base + ".so").c_str(), R_OK) == 0) return 0;
    // The source as NVRTC gets it, to compile it elsewhere too.
    std::ofstream(base + ".cu") << program.source;
    std::ofstream(base + ".cpp") << text;
    int status = 0;
    std::string temporary = base + "." + std::to_string(getpid());
    program.log = output_of("g++ -std=c++17 -O2 -w -fpermissive -fno-strict-aliasing -ffp-contract=off -mavx2 -mfma -mf16c -shared -fPIC -I " +
                                here + "/include " + base + ".cpp -o " + temporary,
                            status);
    if (status != 0) {
        std::fprintf(stderr, "stand-in for NVRTC: %s\n%s\n", base.c_str(), program.log.substr(0, 3000).c_str());
        return 6; // compilation
    }
    rename(temporary.c_str(), (base + ".so").c_str());
    return 0;
}

int give(const std::string &text, char *out) {
    std::memcpy(out, text.c_str(), text.size() + 1);
    return 0;
}

} // namespace

extern "C" {

int nvrtcVersion(int *major, int *minor) { *major = 13; *minor = 0; return 0; }
int nvrtcCreateProgram(Program **out, const char *source, const char *, int, const char *const *, const char *const *) {
    *out = new Program{source, "", ""};
    return 0;
}
int nvrtcCompileProgram(Program *program, int, const char *const *) { return compile(*program); }
int nvrtcDestroyProgram(Program **program) { delete *program; *program = nullptr; return 0; }
int nvrtcGetPTXSize(Program *program, size_t *size) { *size = program->image.size() + 1; return 0; }
int nvrtcGetPTX(Program *program, char *out) { return give(program->image, out); }
int nvrtcGetProgramLogSize(Program *program, size_t *size) { *size = program->log.size() + 1; return 0; }
int nvrtcGetProgramLog(Program *program, char *out) { return give(program->log, out); }
const char *nvrtcGetErrorString(int) { return "an error of the stand-in for NVRTC"; }

} // extern "C"
