#include "objc_runtime.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

struct objc_selector {
    std::string name;
};
struct objc_class : objc_object {
    std::string name;
    bool isMeta = false;
    std::unordered_map<SEL, IMP> methods;
};

namespace {

std::recursive_mutex& lock() {
    static std::recursive_mutex mutex;
    return mutex;
}
std::map<std::string, std::unique_ptr<objc_selector>>& selectors() {
    static auto* table = new std::map<std::string, std::unique_ptr<objc_selector>>;
    return *table;
}
std::map<std::string, Class>& classes() {
    static auto* table = new std::map<std::string, Class>;
    return *table;
}
std::atomic<long> liveObjects{0};
std::set<std::pair<Class, SEL>> hidden;
thread_local std::vector<fake::Object*> autoreleased;
thread_local std::vector<size_t> poolMarks;

Class class_named(const std::string& name) {
    std::lock_guard<std::recursive_mutex> guard(lock());
    Class& found = classes()[name];
    if (!found) {
        found = new objc_class;
        found->name = name;
        found->isa = new objc_class;
        found->isa->name = name;
        found->isa->isMeta = true;
    }
    return found;
}

IMP find_method(Class receiver, SEL selector) {
    if (!hidden.empty() && hidden.count({receiver, selector})) return nullptr;
    auto found = receiver->methods.find(selector);
    if (found != receiver->methods.end()) return found->second;
    static Class root = class_named("NSObject");
    found = root->methods.find(selector);
    return receiver->isMeta || found == root->methods.end() ? nullptr : found->second;
}

}  // namespace

// Called by objc_msgSend (objc_message.cpp) with the receiver and the selector; what it returns is jumped to.
extern "C" IMP fake_objc_lookup(id self, SEL selector) {
    static IMP answerNil = (IMP)(void*)+[](id, SEL) -> uintptr_t { return 0; };
    if (!self) return answerNil;
    if (IMP implementation = find_method(self->isa, selector)) return implementation;
    fprintf(stderr, "%c[%s %s]: unrecognized selector sent to instance %p\n", self->isa->isMeta ? '+' : '-',
            self->isa->name.c_str(), selector->name.c_str(), (void*)self);
    abort();
}

extern "C" {

SEL sel_registerName(const char* name) {
    std::lock_guard<std::recursive_mutex> guard(lock());
    auto& selector = selectors()[name];
    if (!selector) selector.reset(new objc_selector{name});
    return selector.get();
}

Class objc_getClass(const char* name) {
    std::lock_guard<std::recursive_mutex> guard(lock());
    auto found = classes().find(name);
    return found == classes().end() ? nullptr : found->second;
}

id objc_retain(id object) {
    if (object) __atomic_add_fetch(&fake::as<fake::Object>(object)->references, 1, __ATOMIC_RELAXED);
    return object;
}

void objc_release(id object) {
    if (!object) return;
    auto* target = fake::as<fake::Object>(object);
    const long left = __atomic_sub_fetch(&target->references, 1, __ATOMIC_ACQ_REL);
    if (left == 0) delete target;
}

void* objc_autoreleasePoolPush() {
    poolMarks.push_back(autoreleased.size());
    return (void*)poolMarks.size();
}

void objc_autoreleasePoolPop(void*) {
    const size_t mark = poolMarks.back();
    poolMarks.pop_back();
    while (autoreleased.size() > mark) {
        fake::Object* object = autoreleased.back();
        autoreleased.pop_back();
        objc_release(object);
    }
}

}  // extern "C"

namespace fake {

Object::Object(const char* className) {
    isa = class_named(className);
    liveObjects++;
}
Object::~Object() { liveObjects--; }

void add_method(const char* className, const char* selector, IMP implementation) {
    const bool isClassMethod = selector[0] == '+';
    Class target = class_named(className);
    (isClassMethod ? target->isa : target)->methods[sel_registerName(selector + isClassMethod)] = implementation;
}

bool responds_to(id object, SEL selector) { return find_method(object->isa, selector) != nullptr; }

void hide_method(const char* className, const char* selector, bool hide) {
    std::pair<Class, SEL> entry{class_named(className), sel_registerName(selector)};
    if (hide)
        hidden.insert(entry);
    else
        hidden.erase(entry);
}

id autorelease(Object* object) {
    if (poolMarks.empty()) {
        fprintf(stderr, "%s autoreleased with no pool in place\n", object->isa->name.c_str());
        abort();
    }
    autoreleased.push_back(object);
    return object;
}

long live_objects() { return liveObjects; }

}  // namespace fake
