<?php
// Cancel every waiting call of a deployment (PROGRAM is apps/ID/ID or surveys/ID/ID).
$server = getenv('CALLWRIGHT_URL') ?: 'http://127.0.0.1:8080';
$email = getenv('CALLWRIGHT_USER') ?: 'admin@example.com';
$developer_key = getenv('CALLWRIGHT_KEY') ?: '';
$program = getenv('PROGRAM') ?: 'apps/1/1';

$ch = curl_init();
curl_setopt($ch, CURLOPT_USERPWD, $email.':'.$developer_key);
curl_setopt($ch, CURLOPT_CUSTOMREQUEST, 'DELETE');
curl_setopt($ch, CURLOPT_URL, $server.'/api/'.$program.'/cancel');
curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
$result = curl_exec($ch);
$http_code = curl_getinfo($ch, CURLINFO_HTTP_CODE);
curl_close($ch);
var_dump($result);
var_dump($http_code);
