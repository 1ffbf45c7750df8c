// MTLComputeCommandEncoder and the encoding side of MTLCommandBuffer, with the validation layer's checks.
#include "control.h"
#include "objects.h"

namespace fake {

ComputeEncoder::ComputeEncoder(CommandBuffer* commands, bool concurrent)
    : Object("FakeMTLComputeCommandEncoder"), commands(commands), concurrent(concurrent) {
    objc_retain(commands);
    commands->encoding = true;
}

ComputeEncoder::~ComputeEncoder() {
    require(ended, "MTLComputeCommandEncoder dealloc", "Command encoder released without endEncoding");
    objc_release(commands);
}

static ComputeEncoder* open_encoder(id self, const char* name) {
    auto* encoder = as<ComputeEncoder>(self);
    require(!encoder->ended, name, "encoder has ended");
    return encoder;
}

static id new_encoder(id self, SEL, NSUInteger dispatchType) {
    const char* name = "MTLCommandBuffer computeCommandEncoderWithDispatchType:";
    auto* commands = as<CommandBuffer>(self);
    require(!commands->encoding, name, "A command encoder is already encoding to this command buffer");
    require(commands->status == Status::NotEnqueued, name, "command buffer is already committed");
    return autorelease(new ComputeEncoder(commands, dispatchType == 1));
}

static void set_pipeline(id self, SEL, id pipeline) {
    auto* encoder = open_encoder(self, "MTLComputeCommandEncoder setComputePipelineState:");
    require(pipeline, "MTLComputeCommandEncoder setComputePipelineState:", "pipeline must not be nil");
    encoder->state.kernel = as<Pipeline>(pipeline)->kernel;
    encoder->hasPipeline = true;
}

static void set_buffer(id self, SEL, id buffer, NSUInteger offset, NSUInteger index) {
    const char* name = "MTLComputeCommandEncoder setBuffer:offset:atIndex:";
    auto* encoder = open_encoder(self, name);
    require(index < emulator::BufferBindings, name, "index " + std::to_string(index) + " must be < 31");
    require(buffer, name, "buffer must not be nil");
    require(offset < as<Buffer>(buffer)->length, name,
            "offset(" + std::to_string(offset) + ") must be < [buffer length](" + std::to_string(as<Buffer>(buffer)->length) + ")");
    encoder->state.buffers[index] = as<Buffer>(buffer);
    encoder->state.offsets[index] = offset;
    encoder->state.bytes[index].clear();
}

static void set_bytes(id self, SEL, const void* bytes, NSUInteger length, NSUInteger index) {
    const char* name = "MTLComputeCommandEncoder setBytes:length:atIndex:";
    auto* encoder = open_encoder(self, name);
    require(index < emulator::BufferBindings, name, "index " + std::to_string(index) + " must be < 31");
    require(length > 0 && length <= 4096, name, "length(" + std::to_string(length) + ") must be <= 4096");
    encoder->state.bytes[index].assign((const char*)bytes, length);
    encoder->state.buffers[index] = nullptr;
}

static void set_threadgroup_memory(id self, SEL, NSUInteger length, NSUInteger index) {
    const char* name = "MTLComputeCommandEncoder setThreadgroupMemoryLength:atIndex:";
    auto* encoder = open_encoder(self, name);
    require(index < emulator::ThreadgroupBindings, name, "index " + std::to_string(index) + " is out of range");
    require(length % 16 == 0, name, "length(" + std::to_string(length) + ") must be a multiple of 16 bytes");
    encoder->state.threadgroupBytes[index] = length;
    size_t total = 0;
    for (size_t bytes : encoder->state.threadgroupBytes) total += bytes;
    require(total <= 32768, name, "threadgroup memory(" + std::to_string(total) + ") must be <= 32768");
}

static void dispatch(id self, SEL, MTLSize groups, MTLSize threads) {
    const char* name = "MTLComputeCommandEncoder dispatchThreadgroups:threadsPerThreadgroup:";
    auto* encoder = open_encoder(self, name);
    require(encoder->hasPipeline, name, "a compute pipeline state must be set");
    require(groups.width * groups.height * groups.depth > 0, name, "threadgroupsPerGrid must be > 0");
    const NSUInteger perGroup = threads.width * threads.height * threads.depth;
    require(perGroup > 0 && perGroup <= 1024, name, "threads per threadgroup(" + std::to_string(perGroup) + ") must be 1 … 1024");
    Command command = encoder->state;
    command.groups = {(uint32_t)groups.width, (uint32_t)groups.height, (uint32_t)groups.depth};
    command.threads = {(uint32_t)threads.width, (uint32_t)threads.height, (uint32_t)threads.depth};
    encoder->commands->commands.push_back(std::move(command));
    note('d');
    if (!encoder->concurrent) encoder->commands->commands.push_back({Command::Kind::Barrier});
}

static void barrier(id self, SEL, NSUInteger) {
    open_encoder(self, "MTLComputeCommandEncoder memoryBarrierWithScope:")->commands->commands.push_back({Command::Kind::Barrier});
}

static void end_encoding(id self, SEL) {
    auto* encoder = open_encoder(self, "MTLComputeCommandEncoder endEncoding");
    encoder->ended = true;
    encoder->commands->encoding = false;
    encoder->commands->commands.push_back({Command::Kind::Barrier});
}

[[maybe_unused]] static const bool registered = [] {
    const char* encoder = "FakeMTLComputeCommandEncoder";
    method("FakeMTLCommandBuffer", "computeCommandEncoderWithDispatchType:", new_encoder);
    method(encoder, "setComputePipelineState:", set_pipeline);
    method(encoder, "setBuffer:offset:atIndex:", set_buffer);
    method(encoder, "setBytes:length:atIndex:", set_bytes);
    method(encoder, "setThreadgroupMemoryLength:atIndex:", set_threadgroup_memory);
    method(encoder, "dispatchThreadgroups:threadsPerThreadgroup:", dispatch);
    method(encoder, "memoryBarrierWithScope:", barrier);
    method(encoder, "endEncoding", end_encoding);
    return true;
}();

}  // namespace fake
