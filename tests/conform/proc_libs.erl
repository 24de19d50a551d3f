%% gen_server, gen_statem, gen_event, supervisor, proc_lib from Erlang: starting, failing, stopping.
-module(proc_libs).
-export([main/0, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, handle_event/2, handle_call/2, code_change/3]).
-behaviour(gen_server).
init(crash) -> error(in_init); init(ignore) -> ignore; init({stop, R}) -> {stop, R}; init({sup, S}) -> {ok, S}; init(X) -> {ok, X}.
handle_call(get, _, S) -> {reply, S, S}; handle_call({set, X}, _, _) -> {reply, ok, X}; handle_call(crash, _, _) -> error(called); handle_call(stop, _, S) -> {stop, normal, bye, S}; handle_call(sleep, _, S) -> timer:sleep(200), {reply, late, S}; handle_call(timeout, _, S) -> {reply, ok, S, 5}.
handle_cast(X, _) -> {noreply, X}.
handle_info(timeout, _) -> {noreply, timed_out}; handle_info(X, _) -> {noreply, {info, X}}.
handle_event(E, {P, L}) -> P ! {event, E}, {ok, {P, [E | L]}}.
terminate(R, {watch, P}) -> P ! {terminated, R}; terminate(_, _) -> ok.
t(F) -> try F() catch C:{R, {gen_server, Fn, _}} -> {C, R, Fn}; C:{{R, S}, _} when is_list(S) -> {C, R}; C:R -> {C, R} end.
main() ->
    logger:set_primary_config(level, none), process_flag(trap_exit, true), {ok, P} = gen_server:start_link({local, pl}, ?MODULE, 1, []),
    A = [gen_server:call(pl, get), gen_server:call(P, {set, 2}), gen_server:call({pl, node()}, get), begin gen_server:cast(pl, three), gen_server:call(pl, get) end, begin P ! hi, gen_server:call(pl, get) end, begin gen_server:call(pl, timeout), timer:sleep(20), gen_server:call(pl, get) end, t(fun() -> gen_server:call(pl, sleep, 10) end), sys:get_state(P), element(1, sys:get_status(P)), gen_server:start({local, pl}, ?MODULE, 1, []) =:= {error, {already_started, P}}],
    B = [t(fun() -> gen_server:call(pl, crash) end), receive {'EXIT', P, {X, _}} -> X after 500 -> none end, t(fun() -> gen_server:call(pl, get) end)], C = [case gen_server:start(?MODULE, I, []) of {error, {R, S}} when is_list(S) -> {error, R}; O -> O end || I <- [crash, ignore, {stop, why}]],
    {ok, W} = gen_server:start(?MODULE, {watch, self()}, []), D = [gen_server:stop(W, shutdown, 500), receive {terminated, R2} -> R2 after 500 -> none end], {ok, W2} = gen_server:start(?MODULE, x, []), W2M = monitor(process, W2), E = [gen_server:call(W2, stop), receive {'DOWN', W2M, _, _, _} -> is_process_alive(W2) end],
    Ch = fun(Id, R) -> #{id => Id, start => {gen_server, start_link, [{local, Id}, ?MODULE, 0, []]}, restart => R} end, {ok, Sup} = supervisor:start_link(?MODULE, {sup, {#{strategy => one_for_one, intensity => 3}, [Ch(c1, permanent), Ch(c2, temporary)]}}),
    C1 = whereis(c1), exit(C1, kill), exit(whereis(c2), kill), timer:sleep(20), F = [[{Id, is_pid(Pid)} || {Id, Pid, _, _} <- supervisor:which_children(Sup)], whereis(c1) =/= C1, supervisor:count_children(Sup), element(1, supervisor:start_child(Sup, Ch(c3, transient))), supervisor:terminate_child(Sup, c3), supervisor:restart_child(Sup, zz), supervisor:delete_child(Sup, c3), begin [begin exit(whereis(c1), kill), timer:sleep(5) end || _ <- [1, 2, 3]], timer:sleep(10), is_process_alive(Sup) end, receive {'EXIT', Sup, SR} -> SR after 500 -> none end],
    {ok, Ev} = gen_event:start_link(), G = [gen_event:add_handler(Ev, ?MODULE, {self(), []}), gen_event:notify(Ev, a), gen_event:sync_notify(Ev, b), receive {event, a} -> a after 500 -> none end, receive {event, b} -> b after 500 -> none end, gen_event:which_handlers(Ev), gen_event:delete_handler(Ev, ?MODULE, x), gen_event:stop(Ev)],
    H = [proc_lib:start(erlang, apply, [fun() -> proc_lib:init_ack({ok, me}) end, []]), case proc_lib:start(erlang, apply, [fun() -> error(no) end, []]) of {error, {no, _}} -> failed; Oth -> Oth end, proc_lib:translate_initial_call(proc_lib:spawn(fun() -> timer:sleep(50) end)) =/= x], logger:set_primary_config(level, notice), process_flag(trap_exit, false), [A, B, C, D, E, F, G, H].
handle_call(X, S) -> {ok, X, S}.
code_change(_, S, _) -> {ok, S}.
