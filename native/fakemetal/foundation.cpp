// NSObject, NSString, NSError: what the host needs of Foundation.
#include <cstdio>
#include <cstdlib>

#include "objects.h"

namespace fake {

void assertion_failed(const char* method, const std::string& what) {
    fprintf(stderr, "-[%s]: failed assertion `%s'\n", method, what.c_str());
    abort();
}

[[maybe_unused]] static const bool registered = [] {
    method("NSObject", "retain", [](id self, SEL) { return objc_retain(self); });
    method("NSObject", "release", [](id self, SEL) { objc_release(self); });
    method("NSObject", "respondsToSelector:", [](id self, SEL, SEL selector) -> bool { return responds_to(self, selector); });
    method("NSString", "+stringWithUTF8String:", [](id, SEL, const char* text) { return autorelease(new String(text)); });
    method("NSString", "UTF8String", [](id self, SEL) { return as<String>(self)->text.c_str(); });
    method("NSError", "localizedDescription", [](id self, SEL) { return autorelease(new String(as<Error>(self)->description)); });
    return true;
}();

}  // namespace fake
