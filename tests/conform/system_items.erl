%% system_info, system_flag and statistics: what does not depend on the machine.
-module(system_items).
-export([main/0]).

caught(F, A) -> try apply(erlang, F, A) catch Class:Reason -> {Class, Reason} end.

main() ->
    Same = [{I, caught(system_info, [I])} || I <- [os_type, wordsize, {wordsize, internal}, {wordsize, external}, endian, machine, build_type,
        debug_compiled, smp_support, threads, heap_type, otp_release, creation, dist_ctrl, ets_limit, atom_limit, process_limit, port_limit,
        port_parallelism, fullsweep_after, min_heap_size, min_bin_vheap_size, max_heap_size, garbage_collection, message_queue_data,
        time_correction, time_warp_mode, time_offset, tolerant_timeofday, modified_timing_level, multi_scheduling_blockers,
        dist_buf_busy_limit, delayed_node_table_gc, thread_pool_size, context_reductions, dirty_io_schedulers, sequential_tracer,
        {cpu_topology, defined}, no_such_item, {no_such, item}, 1]],
    Flags = [{F, V, caught(system_flag, [F, V])} || {F, V} <- [{backtrace_depth, 8}, {backtrace_depth, -1}, {backtrace_depth, 2000}, {backtrace_depth, 8},
        {fullsweep_after, 10}, {fullsweep_after, 65535}, {fullsweep_after, -1}, {min_heap_size, 300}, {min_heap_size, 233}, {min_heap_size, -1},
        {max_heap_size, 1}, {max_heap_size, #{size => 0}}, {trace_control_word, 5}, {trace_control_word, 0}, {trace_control_word, -1},
        {time_offset, foo}, {sequential_tracer, false}, {system_logger, foo}, {schedulers_online, 0}, {schedulers_online, 5000},
        {outstanding_system_requests_limit, 0}, {multi_scheduling, foo}, {scheduler_wall_time, true}, {scheduler_wall_time, false},
        {microstate_accounting, foo}, {foo, 1}, {1, 2}]],
    Shape = fun Shape(T) when is_integer(T) -> int; Shape(T) when is_tuple(T) -> list_to_tuple([Shape(E) || E <- tuple_to_list(T)]);
                Shape([H | _]) -> [Shape(H), more]; Shape(T) -> T end,
    Counted = [{I, Shape(caught(statistics, [I]))} || I <- [context_switches, exact_reductions, garbage_collection, io, reductions, run_queue,
        run_queue_lengths, run_queue_lengths_all, total_run_queue_lengths, total_run_queue_lengths_all, active_tasks, active_tasks_all,
        total_active_tasks, total_active_tasks_all, runtime, wall_clock, scheduler_wall_time, scheduler_wall_time_all, foo, 1]],
    Memory = erlang:memory(),
    Total = proplists:get_value(total, Memory),
    Sum = proplists:get_value(processes, Memory) + proplists:get_value(system, Memory),
    {Same, Flags, Counted, [{K, V > 0} || {K, V} <- Memory], Total =:= Sum, [K || {K, _} <- erlang:memory([ets, code])],
     caught(memory, [foo]), is_list(erlang:system_info({allocator, sl_alloc})),
     [caught(F, A) || {F, A} <- [{nodes, [this]}, {nodes, [foo]}, {nodes, [this, #{connection_id => true}]}, {nodes, [[visible, hidden]]},
                                 {halt, [-1]}, {halt, [a]}, {halt, [1, [{flush, a}]]}, {halt, [1, [foo]]}]]}.
