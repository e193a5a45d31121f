// A few threads that do one thing together, again and again, thousands of times a second.
// They wait for each other at barriers by looking, and sleep only where nothing has come for a while: waking a thread
// takes longer than a small model's layer.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

class Team {
public:
    // patience: how often a thread looks before it lets others have the core.
    Team(int threads, int patience) : size(threads), patience(patience) {
        for (int number = 1; number < threads; number++) workers.emplace_back([this, number] { serve(number); });
    }

    ~Team() {
        ending = true;
        begin();
        for (auto& worker : workers) worker.join();
    }

    // work(number) in every thread, the caller being number 0; returns when all are done.
    void run(const std::function<void(int)>& work) {
        task = &work;
        begin();
        work(0);
        barrier();
    }

    // Nobody goes on before all have come.
    void barrier() {
        if (size == 1) return;
        unsigned now = phase.load(std::memory_order_relaxed);
        if (arrived.fetch_add(1, std::memory_order_acq_rel) == size - 1) {
            arrived.store(0, std::memory_order_relaxed);
            phase.store(now + 1, std::memory_order_release);
            return;
        }
        for (int looks = 0; phase.load(std::memory_order_acquire) == now; looks++)
            if (looks < patience) breathe(); else std::this_thread::yield();
    }

    const int size;

private:
    void begin() {
        {
            std::lock_guard<std::mutex> held(door);
            started.fetch_add(1, std::memory_order_release);
        }
        bell.notify_all();
    }

    void serve(int number) {
        for (unsigned seen = 0;; seen++) {
            for (int looks = 0; looks < patience && started.load(std::memory_order_acquire) == seen; looks++) breathe();
            if (started.load(std::memory_order_acquire) == seen) {
                std::unique_lock<std::mutex> held(door);
                bell.wait(held, [&] { return started.load(std::memory_order_acquire) != seen; });
            }
            if (ending) return;
            (*task)(number);
            barrier();
        }
    }

    static void breathe() {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    const int patience;
    const std::function<void(int)>* task = nullptr;
    std::atomic<unsigned> started{0}, phase{0};
    std::atomic<int> arrived{0};
    std::atomic<bool> ending{false};
    std::mutex door;
    std::condition_variable bell;
    std::vector<std::thread> workers;
};
