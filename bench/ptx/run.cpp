// Checks every kernel of native/metal against loops in double.
//   run kernels.ptx         on an NVIDIA GPU, with GB/s beside the card's copy bandwidth
//   run_emulated            without one; --large: also the sizes that take a GPU to be quick (minutes);
//                           --reverse, --shuffled: the lanes in another order than ascending
// Exit code: 0 all right, 1 a result is wrong or a kernel unchecked, 2 wrong usage, 77 no NVIDIA driver.
#include <cstdio>

#include "checks.h"

int main(int count, char** arguments) {
    const std::string name = machine::open(count > 1 ? arguments[1] : nullptr);
    const double copyBytesPerSecond = machine::copyBytesPerSecond();
    printf("%s", name.c_str());
    if (copyBytesPerSecond > 0) printf(", copies at %.0f GB/s", copyBytesPerSecond / 1e9);
    printf("\n\n%-26s %-26s %8s %7s %9s\n", "kernel", "shape", "GB/s", "of copy", "error");
    Checker checker(copyBytesPerSecond > 0 || (count > 1 && std::string(arguments[1]) == "--large"), copyBytesPerSecond);
    checkElementwise(checker);
    checkNorms(checker);
    checkProducts(checker);
    checkRouter(checker);
    checkExperts(checker);
    checkAttention(checker);
    return checker.summarize(machine::kernels()) ? 0 : 1;
}
