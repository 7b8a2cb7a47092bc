// Puts the app on the page.
import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { revealOpenedDetails } from '$lib/kit/reveal';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
revealOpenedDetails();
mount(App, { target });
