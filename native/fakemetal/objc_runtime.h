// The few entry points of Apple's libobjc that a Metal host uses, for Linux: classes, selectors, objc_msgSend, reference
// counts, autorelease pools. An unknown selector ends the process with the message Apple's runtime prints.
#pragma once
#include <cstdint>
#include <string>

struct objc_class;
struct objc_object {
    objc_class* isa;
};
struct objc_selector;
typedef objc_object* id;
typedef objc_class* Class;
typedef const objc_selector* SEL;
typedef void (*IMP)();

namespace fake {

// Every object: the isa pointer first, as objc_msgSend expects, then the virtual table C++ needs.
struct Object : objc_object {
    explicit Object(const char* className);
    virtual ~Object();
    long references = 1;
};

template <typename T>
T* as(id object) {
    return static_cast<T*>(static_cast<Object*>(object));
}

// `selector` starts with '+' for a class method.
void add_method(const char* className, const char* selector, IMP implementation);
bool responds_to(id object, SEL selector);
// Hides a method, to play an older system.
void hide_method(const char* className, const char* selector, bool hidden);
id autorelease(Object* object);
long live_objects();

// A captureless lambda as a method.
template <typename Function>
void method(const char* className, const char* selector, Function function) {
    add_method(className, selector, (IMP)(void*)+function);
}

}  // namespace fake

extern "C" {
SEL sel_registerName(const char* name);
Class objc_getClass(const char* name);
id objc_retain(id object);
void objc_release(id object);
void* objc_autoreleasePoolPush();
void objc_autoreleasePoolPop(void* pool);
}
