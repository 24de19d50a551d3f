%% TLS 1.2 and 1.3, each as a server for OpenSSL's client and as a client of OpenSSL's server; inets' client and server of HTTP.
-module(tool_tls).
-export([main/0]).
main() ->
    tool_bench:in_folder("tls", fun(Dir) ->
        {ok, _} = application:ensure_all_started(ssl),
        {ok, _} = application:ensure_all_started(inets),
        Name = fun(File) -> filename:join(Dir, File) end,
        os:cmd("openssl req -x509 -newkey rsa:2048 -nodes -keyout " ++ Name("key.pem") ++ " -out " ++ Name("cert.pem") ++ " -days 2 -subj /CN=localhost 2>&1"),
        Files = {Name("cert.pem"), Name("key.pem")},
        [[server(V, F, Files), client(V, F, Files)] || {V, F} <- [{'tlsv1.2', "-tls1_2"}, {'tlsv1.3', "-tls1_3"}]] ++ [http(Dir)]
    end).

server(Version, Flag, {Cert, Key}) ->
    {ok, L} = ssl:listen(0, [{certfile, Cert}, {keyfile, Key}, {versions, [Version]}, {active, false}, binary]),
    {ok, {_, Number}} = ssl:sockname(L),
    Port = open_port({spawn, lists:concat(["openssl s_client -quiet -connect 127.0.0.1:", Number, " ", Flag])}, [binary, stderr_to_stdout, exit_status]),
    {ok, S0} = ssl:transport_accept(L, 10000),
    {ok, S} = ssl:handshake(S0, 10000),
    port_command(Port, <<"hello from openssl\n">>),
    {ok, Got} = ssl:recv(S, 19, 10000),
    ok = ssl:send(S, binary:copy(<<"x">>, 100000)),
    Enough = count(Port, 0),
    {ok, Info} = ssl:connection_information(S, [protocol, selected_cipher_suite]),
    ssl:close(S),
    ssl:close(L),
    catch port_close(Port),
    {Got, Enough, Info}.

count(_, N) when N >= 100000 -> enough;
count(Port, N) -> receive {Port, {data, B}} -> count(Port, N + byte_size(B)); {Port, Other} -> Other after 10000 -> {only, N} end.

client(Version, Flag, {Cert, Key}) ->
    {ok, T} = gen_tcp:listen(0, []),
    {ok, Number} = inet:port(T),
    gen_tcp:close(T),
    Command = lists:concat(["openssl s_server -rev -quiet -cert ", Cert, " -key ", Key, " -accept ", Number, " ", Flag]),
    Port = open_port({spawn, Command}, [binary, stderr_to_stdout, exit_status]),
    {os_pid, Os} = erlang:port_info(Port, os_pid),
    {ok, S} = connect(Number, Version, 50),
    ok = ssl:send(S, <<"abcdef\n">>),
    {ok, Got} = ssl:recv(S, 7, 10000),
    {ok, Info} = ssl:connection_information(S, [protocol]),
    ssl:close(S),
    os:cmd("kill " ++ integer_to_list(Os)),
    {Got, Info}.

connect(Number, Version, Times) ->
    case ssl:connect("127.0.0.1", Number, [{verify, verify_none}, {versions, [Version]}, {active, false}, binary], 10000) of
        {error, econnrefused} when Times > 0 -> timer:sleep(200), connect(Number, Version, Times - 1);
        Other -> Other
    end.

http(Dir) ->
    ok = file:write_file(filename:join(Dir, "a.txt"), binary:copy(<<"0123456789">>, 50000)),
    {ok, Server} = inets:start(httpd, [{port, 0}, {server_name, "x"}, {server_root, Dir}, {document_root, Dir}, {bind_address, {127, 0, 0, 1}}]),
    [{port, Number}] = httpd:info(Server, [port]),
    Answers = [begin
                   {ok, {{_, Code, _}, _, Body}} = httpc:request(get, {lists:concat(["http://127.0.0.1:", Number, Path]), []}, [], [{body_format, binary}]),
                   {Path, Code, erlang:phash2(Body)}
               end || Path <- ["/a.txt", "/none", "/a.txt"]],
    inets:stop(httpd, Server),
    Answers.
