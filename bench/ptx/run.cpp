// Checks kernels of native/metal, compiled to PTX, against plain loops in double and prints GB/s beside the card's copy bandwidth.
//   run kernels.ptx        exit code: 0 all right, 1 a result is wrong, 77 no NVIDIA driver
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "driver.h"

namespace {

constexpr double Tolerance = 1e-4;  // of the largest expected value; sums of up to 6144 products in float32
constexpr int Repeats = 20;
constexpr unsigned TileBytes = 12 * 1024;  // native/metal/tile.h

// Multiples of 1/64 below 1/2: exact in float32, float16 and bfloat16 alike.
float value(size_t i) { return (float)((int)((uint32_t)i * 2654435761u >> 26) - 32) / 64.0f; }

struct ElementType {
    const char* name;
    size_t bytes;
    std::function<void(float, char*)> write;
};

const ElementType elementTypes[] = {
    {"float32", 4, [](float x, char* to) { memcpy(to, &x, 4); }},
    {"float16", 2, [](float x, char* to) { const _Float16 h = (_Float16)x; memcpy(to, &h, 2); }},
    {"bfloat16", 2, [](float x, char* to) { memcpy(to, (const char*)&x + 2, 2); }},  // the upper half, little-endian
};

std::vector<char> encode(const ElementType& type, size_t count) {
    std::vector<char> bytes(count * type.bytes);
    for (size_t i = 0; i < count; i++) type.write(value(i), &bytes[i * type.bytes]);
    return bytes;
}

std::vector<float> activations(size_t count) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; i++) values[i] = value(i + 12345);
    return values;
}

class Buffer {
   public:
    explicit Buffer(size_t bytes) { driver("cuMemAlloc_v2", &address, bytes); }
    Buffer(const void* content, size_t bytes) : Buffer(bytes) { driver("cuMemcpyHtoD_v2", address, content, bytes); }
    Buffer(const Buffer&) = delete;
    ~Buffer() { driver("cuMemFree_v2", address); }
    DevicePointer address = 0;
};

// Seconds of one call, the average of several after as many unmeasured ones.
double seconds(const std::function<void()>& call) {
    void *start, *end;
    driver("cuEventCreate", &start, 0u);
    driver("cuEventCreate", &end, 0u);
    for (int i = 0; i < Repeats; i++) call();
    driver("cuEventRecord", start, (void*)nullptr);
    for (int i = 0; i < Repeats; i++) call();
    driver("cuEventRecord", end, (void*)nullptr);
    driver("cuEventSynchronize", end);
    float milliseconds;
    driver("cuEventElapsedTime", &milliseconds, start, end);
    return milliseconds / 1e3 / Repeats;
}

struct Launch {
    std::string kernel;
    unsigned groupsX, groupsY, threads, threadgroupBytes;
};

class Runner {
   public:
    explicit Runner(const std::string& ptx) {
        int device;
        char name[256];
        driver("cuInit", 0u);
        driver("cuDeviceGet", &device, 0);
        driver("cuDeviceGetName", name, (int)sizeof name, device);
        void* context;
        driver("cuDevicePrimaryCtxRetain", &context, device);
        driver("cuCtxSetCurrent", context);
        driver("cuModuleLoadData", &module, (const void*)ptx.c_str());
        size_t bytes;
        driver("cuModuleGetGlobal_v2", &bindings, &bytes, module, "msl_buffers");
        copyBytesPerSecond = measureCopy();
        printf("%s, copies at %.0f GB/s\n\n%-28s %8s %8s %10s\n", name, copyBytesPerSecond / 1e9, "kernel", "GB/s", "of copy", "error");
    }

    // Runs a kernel on `input` buffers, then the output, then its constants; compares and prints a line.
    void check(const Launch& launch, std::vector<DevicePointer> inputs, const void* constants, size_t constantBytes,
               const std::vector<double>& expected, size_t bytesMoved) {
        std::vector<float> result(expected.size(), NAN);  // what a kernel forgets to write stays NaN
        Buffer output(result.data(), result.size() * sizeof(float)), shape(constants, constantBytes);
        inputs.push_back(output.address);
        inputs.push_back(shape.address);
        driver("cuMemcpyHtoD_v2", bindings, (const void*)inputs.data(), inputs.size() * sizeof(DevicePointer));
        void* function;
        driver("cuModuleGetFunction", &function, module, launch.kernel.c_str());
        const double time = seconds([&] {
            driver("cuLaunchKernel", function, launch.groupsX, launch.groupsY, 1u, launch.threads, 1u, 1u, launch.threadgroupBytes,
                   (void*)nullptr, (void**)nullptr, (void**)nullptr);
        });
        driver("cuMemcpyDtoH_v2", (void*)result.data(), output.address, result.size() * sizeof(float));
        double worst = 0, largest = 0;
        for (size_t i = 0; i < expected.size(); i++) {
            const double error = std::fabs(result[i] - expected[i]);
            worst = error <= worst ? worst : error;  // NaN becomes the worst and stays
            if (std::isnan(error)) break;
            largest = std::fmax(largest, std::fabs(expected[i]));
        }
        const bool good = worst <= Tolerance * largest;
        wrong += !good;
        printf("%-28s %8.0f %7.0f%% %10.1e%s\n", launch.kernel.c_str(), bytesMoved / time / 1e9,
               100 * bytesMoved / time / copyBytesPerSecond, worst, good ? "" : "  WRONG");
    }

    int wrong = 0;

   private:
    // Bytes read plus bytes written, as for the kernels.
    static double measureCopy() {
        const size_t bytes = 1u << 30;
        Buffer from(bytes), to(bytes);
        return 2.0 * bytes / seconds([&] { driver("cuMemcpyDtoDAsync_v2", to.address, from.address, bytes, (void*)nullptr); });
    }

    void* module = nullptr;
    DevicePointer bindings = 0;
    double copyBytesPerSecond = 0;
};

struct ProductShape {  // product.metal
    uint32_t outputs, inputs, tokens, unused;
    uint64_t rowStrideBytes;
};

void checkProduct(Runner& runner, const ElementType& type, const char* form, uint32_t outputs, uint32_t inputs, uint32_t tokens,
                  unsigned groupsX, unsigned groupsY, unsigned threads, unsigned threadgroupBytes) {
    const std::vector<char> weight = encode(type, (size_t)outputs * inputs);
    const std::vector<float> input = activations((size_t)tokens * inputs);
    std::vector<double> expected((size_t)tokens * outputs);
    for (uint32_t t = 0; t < tokens; t++)
        for (uint32_t o = 0; o < outputs; o++)
            for (uint32_t k = 0; k < inputs; k++)
                expected[(size_t)t * outputs + o] += (double)input[(size_t)t * inputs + k] * value((size_t)o * inputs + k);
    Buffer weights(weight.data(), weight.size()), x(input.data(), input.size() * sizeof(float));
    const ProductShape shape{outputs, inputs, tokens, 0, inputs * type.bytes};
    for (const char* width : {"", "_wide"})
        runner.check({std::string(form) + "_" + type.name + width, groupsX, groupsY, threads, threadgroupBytes}, {weights.address, x.address},
                     &shape, sizeof shape, expected, weight.size() + (input.size() + expected.size()) * sizeof(float));
}

struct NormShape {  // norm.metal
    uint32_t columns;
    float epsilon;
};

void checkNorm(Runner& runner, const ElementType& type, bool subtractMean, uint32_t rows, uint32_t columns) {
    const NormShape shape{columns, 1e-5f};
    const std::vector<char> weight = encode(type, columns);
    const std::vector<float> input = activations((size_t)rows * columns);
    std::vector<double> expected(input.size());
    for (uint32_t row = 0; row < rows; row++) {
        const float* x = &input[(size_t)row * columns];
        double mean = 0, squares = 0;
        for (uint32_t i = 0; subtractMean && i < columns; i++) mean += x[i] / (double)columns;
        for (uint32_t i = 0; i < columns; i++) squares += (x[i] - mean) * (x[i] - mean);
        for (uint32_t i = 0; i < columns; i++)
            expected[(size_t)row * columns + i] = (x[i] - mean) / std::sqrt(squares / columns + shape.epsilon) * value(i);
    }
    Buffer x(input.data(), input.size() * sizeof(float)), weights(weight.data(), weight.size());
    runner.check({std::string(subtractMean ? "layer_norm_" : "rms_norm_") + type.name, rows, 1, 512, 512 / 32 * sizeof(float)},
                 {x.address, weights.address}, &shape, sizeof shape, expected, 2 * input.size() * sizeof(float));
}

}  // namespace

int main(int argc, char** argv) {
    std::ifstream file(argc > 1 ? argv[1] : "");
    const std::string ptx((std::istreambuf_iterator<char>(file)), {});
    if (ptx.empty()) {
        fprintf(stderr, "usage: run kernels.ptx (make -C bench/ptx builds it)\n");
        return 2;
    }
    Runner runner(ptx);
    for (const ElementType& type : elementTypes) {
        // One DBRX w1 [10752, 6144], its router [16, 6144], an odd matrix for the tiled form.
        checkProduct(runner, type, "product_rows1", 10752, 6144, 1, 10752 / 32, 1, 256, 0);
        checkProduct(runner, type, "product_rows4", 10752, 6144, 4, 10752 / 32, 1, 256, 0);
        checkProduct(runner, type, "product_split", 16, 6144, 1, 4, 1, 256, 256 / 32 * 4 * sizeof(float));
        checkProduct(runner, type, "product_tiled", 1000, 2048, 70, (1000 + 63) / 64, (70 + 31) / 32, 128, TileBytes);
        checkNorm(runner, type, true, 4096, 6144);
        checkNorm(runner, type, false, 4096, 6144);
    }
    printf("\n%s\n", runner.wrong == 0 ? "all right" : "WRONG results above");
    return runner.wrong == 0 ? 0 : 1;
}
